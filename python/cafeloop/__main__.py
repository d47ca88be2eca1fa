"""The command `cafeloop`, also reached as `python -m cafeloop`.

It is in three parts: the extension module reads the command line and answers what needs no
interpreter, `_program` runs the program that was asked for, and this file joins them.
"""

import sys

from . import _cafeloop, _program

# For a program that can't be started; a usage error has the same, as in Python itself.
CANNOT_START = 2


def main() -> int:
    """Does what the command line asks for; returns the exit code.

    What the program raises passes through, `SystemExit` too: the interpreter then ends as it
    would have ended under `python`.
    """
    asked = _cafeloop.parse_command(sys.argv[1:])
    if isinstance(asked, int):
        return asked
    kind, name, arguments, is_verbose = asked
    run = {"script": _program.run_script, "module": _program.run_module}[kind]
    try:
        run(name, arguments)
    except _program.CannotStart as error:
        print(f"cafeloop: can't {error}", file=sys.stderr)
        # There was no program to say more of.
        is_verbose = False
        return CANNOT_START
    finally:
        if is_verbose:
            print(f"cafeloop: {_program.which_loops()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
