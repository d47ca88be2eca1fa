"""How a program ends: exit codes, tracebacks, hooks and signals are the interpreter's."""

import signal
import textwrap

import pytest


def test_a_program_that_runs_through_ends_with_0(write, same_end):
    write("cafe.py", "print('closed')\n")
    assert same_end("cafe.py") == (0, "closed\n", "")


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        ("SystemExit", 0),
        ("SystemExit(None)", 0),
        ("SystemExit(0)", 0),
        ("SystemExit(3)", 3),
        ("SystemExit(256 + 7)", 7),
        ("SystemExit(-1)", 255),
        ("SystemExit(True)", 1),
        ("SystemExit('no beans')", 1),
        ("SystemExit(2.5)", 1),
        ("SystemExit(())", 1),
        ("SystemExit(3, 4)", 1),
        ("SystemExit(SystemExit(3))", 1),
        ("type('Closed', (SystemExit,), {})(4)", 4),
    ],
)
def test_exit_codes_are_the_interpreters(write, same_end, raised, status):
    write("cafe.py", f"raise {raised}\n")
    assert same_end("cafe.py").status == status


# Each ends in an uncaught exception.  What they print must not tell one run from another.
FAILURES = {
    "raised at the top": "1 / 0\n",
    "raised in functions": """\
        def brew(coffee):
            raise ValueError(coffee)

        def serve():
            brew("Mocha")

        serve()
        """,
    "raised from another": """\
        try:
            {}["Mocha"]
        except KeyError as error:
            raise LookupError("not on the menu") from error
        """,
    "raised while handling another": """\
        try:
            1 / 0
        except ZeroDivisionError:
            undefined
        """,
    "raised again": """\
        try:
            1 / 0
        except ZeroDivisionError as error:
            caught = error
        raise caught
        """,
    "with notes": """\
        error = ValueError("Mocha")
        error.add_note("out of chocolate")
        raise error
        """,
    "in a group": """\
        def fail(error):
            try:
                raise error
            except Exception as error:
                return error

        raise ExceptionGroup("spilt", [fail(ValueError("Latte")), fail(TypeError("Mocha"))])
        """,
    "in an import": "import no_such_module\n",
    "in a class of its own": """\
        class Spilt(Exception):
            __module__ = "__main__"

        raise Spilt("all over")
        """,
    "in a coroutine": """\
        async def serve():
            raise ValueError("Mocha")

        async def main():
            await serve()

        main().send(None)
        """,
    "of code made at run time": "exec(compile('1 / 0', '<the menu>', 'exec'))\n",
    "that isn't Exception": "raise BaseException('closed')\n",
    "a generator's": "raise GeneratorExit\n",
    "without a traceback": """\
        import sys
        sys.tracebacklimit = 0
        1 / 0
        """,
    "with a text that fails": """\
        class Mute(Exception):
            def __str__(self):
                raise TypeError

        raise Mute
        """,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_an_uncaught_exception_is_reported_as_by_the_interpreter(write, same_end, failure):
    write("cafe.py", textwrap.dedent(FAILURES[failure]))
    ending = same_end("cafe.py")
    assert ending.status == 1
    assert "cafeloop" not in ending.stderr


def test_an_uncaught_exception_in_an_imported_module_shows_both_files(write, same_end):
    write("menu.py", "def read():\n    1 / 0\n\nread()\n")
    write("cafe.py", "import menu\n")
    assert "import menu" in same_end("cafe.py").stderr


# Each replaces the hook, in every way in which a hook can be wrong too.
HOOKS = {
    "that prints": "sys.excepthook = lambda *failure: print('hook', failure[:2])",
    "that walks the traceback": """\
        def hook(kind, value, frames):
            import traceback
            traceback.print_exception(kind, value, frames)
            print(value.__traceback__ is frames, sys.last_traceback is frames)
            print([frame.name for frame in traceback.extract_tb(frames)])
            print(sys.excepthook is hook)
        sys.excepthook = hook
        """,
    "that fails": """\
        def hook(kind, value, frames):
            raise TypeError("hook")
        sys.excepthook = hook
        """,
    "that fails in another function": """\
        def fail():
            raise TypeError("hook")

        def hook(kind, value, frames):
            try:
                fail()
            except TypeError as error:
                raise ValueError("again") from error
        sys.excepthook = hook
        """,
    "that exits": "sys.excepthook = lambda *failure: sys.exit(7)",
    "that isn't callable": "sys.excepthook = 'decaf'",
    "that is none": "sys.excepthook = None",
    "that chains to the interpreter's": """\
        before = sys.excepthook
        def hook(kind, value, frames):
            print(before is sys.__excepthook__)
            before(kind, value, frames)
        sys.excepthook = hook
        """,
}


@pytest.mark.parametrize("hook", HOOKS)
def test_the_programs_own_excepthook_is_called(write, same_end, hook):
    write("cafe.py", "import sys\n" + textwrap.dedent(HOOKS[hook]) + "\n1 / 0\n")
    ending = same_end("cafe.py")
    assert ending.status != 0
    assert "cafeloop" not in ending.stderr


def test_a_post_mortem_finds_only_the_programs_frames(write, same_end):
    write(
        "cafe.py",
        "import atexit, sys, traceback\n"
        "@atexit.register\n"
        "def report():\n"
        "    print([frame.name for frame in traceback.extract_tb(sys.last_traceback)])\n"
        "    print([frame.name for frame in traceback.extract_tb(sys.last_value.__traceback__)])\n"
        "    print(sys.excepthook is sys.__excepthook__)\n"
        "1 / 0\n",
    )
    assert same_end("cafe.py").stdout == "['<module>']\n['<module>']\nTrue\n"


def test_an_uncaught_keyboard_interrupt_ends_the_process_by_its_signal(write, same_end):
    write("cafe.py", "raise KeyboardInterrupt\n")
    assert same_end("cafe.py").status == -signal.SIGINT


def test_ctrl_c_ends_the_process_by_its_signal_after_its_cleanup(write, same_end):
    write(
        "cafe.py",
        "import atexit, os, signal\n"
        "atexit.register(print, 'closed')\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "finally:\n"
        "    print('swept')\n",
    )
    ending = same_end("cafe.py")
    assert (ending.status, ending.stdout) == (-signal.SIGINT, "swept\nclosed\n")


def test_ctrl_c_during_a_coroutine_ends_the_process_by_its_signal(write, cafeloop):
    write(
        "cafe.py",
        "import asyncio, os, signal\n"
        "async def main():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        await asyncio.sleep(3600)\n"
        "    finally:\n"
        "        print('swept')\n"
        "asyncio.run(main())\n",
    )
    ending = cafeloop("run", "cafe.py")
    assert (ending.status, ending.stdout) == (-signal.SIGINT, "swept\n")
    assert ending.stderr.endswith("\nKeyboardInterrupt\n")
    assert "runpy" not in ending.stderr


def test_another_signal_kills_as_it_does(write, same_end):
    write("cafe.py", "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    assert same_end("cafe.py").status == -signal.SIGTERM


def test_what_was_printed_is_flushed(write, same_end):
    write("cafe.py", "import sys\nsys.stdout.write('no newline')\nsys.stderr.write('either')\n")
    assert same_end("cafe.py") == (0, "no newline", "either")


def test_a_program_that_ends_at_once_is_not_cleaned_up(write, same_end):
    write("cafe.py", "import atexit, os\natexit.register(print, 'closed')\nos._exit(5)\n")
    assert same_end("cafe.py") == (5, "", "")


def test_threads_are_waited_for_and_atexit_runs_after_them(write, same_end):
    write(
        "cafe.py",
        "import atexit, threading\n"
        "atexit.register(print, 'closed')\n"
        "opened = threading.Event()\n"
        "def serve():\n"
        "    opened.wait()\n"
        "    print('served')\n"
        "threading.Thread(target=serve).start()\n"
        "print('opening')\n"
        "opened.set()\n",
    )
    assert same_end("cafe.py").stdout == "opening\nserved\nclosed\n"


def test_a_thread_that_fails_is_reported_as_by_the_interpreter(write, same_end):
    write(
        "cafe.py",
        "import threading\n"
        "thread = threading.Thread(target=lambda: 1 / 0, name='barista')\n"
        "thread.start()\n"
        "thread.join()\n",
    )
    ending = same_end("cafe.py")
    assert ending.status == 0
    assert "Exception in thread barista" in ending.stderr


def test_objects_of_the_program_are_finalised(write, same_end):
    write(
        "cafe.py",
        "class Cup:\n"
        "    def __del__(self):\n"
        "        print('washed')\n"
        "cup = Cup()\n",
    )
    assert same_end("cafe.py").stdout == "washed\n"
