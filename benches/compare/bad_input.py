"""The one error that is the caller's: shown as a line on stderr, with exit status 2."""


class BadInput(Exception):
    """What was asked for can't be done; the text says what was found and what to do."""
