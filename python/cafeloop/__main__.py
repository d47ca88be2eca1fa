"""The command `cafeloop`, also reached as `python -m cafeloop`.

It is in parts: the extension module reads the command line and answers what needs no
interpreter, `_program` runs the program that was asked for, `_flow` has it recorded in a process
of its own and drawn, `_explore` has it run in many orders, and this file joins them.
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
    if asked.command == "run":
        return run(asked)
    if asked.command == "cafe":
        import signal

        # No Python runs in which Ctrl-C could be told of.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        return asked.serve()
    if asked.command == "explore":
        # Loads asyncio, thus only where no program is run in this process.
        _program.forget_its_place()
        from . import _explore

        return _explore.explore(asked)
    from . import _flow

    if asked.command == "flow":
        return _flow.record_and_draw(asked, run)
    return _flow.draw(asked) if asked.command == "draw" else _flow.compare(asked)


def run(asked: _cafeloop.Errand, recording: str | None = None) -> int:
    """Runs the program; if it's recorded into `recording`, without a word about it."""
    is_verbose = asked.is_verbose
    run = {"script": _program.run_script, "module": _program.run_module}[asked.kind]
    if asked.is_recorded:
        from . import _recorded

        _program.before_it_starts = lambda: _recorded.begin(asked, recording)
    _program.clock, _program.seed = asked.clock, asked.seed
    try:
        run(asked.name, asked.arguments)
    except _program.CannotStart as error:
        print(f"cafeloop: can't {error}", file=sys.stderr)
        if asked.is_recorded:
            _recorded.discard()
        # There was no program to say more of.
        is_verbose = False
        return CANNOT_START
    finally:
        if is_verbose:
            print(f"cafeloop: {_program.which_loops()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
