"""Runs a program in this process as `python` would, on cafeloop's event loop.

What the interpreter does with a program's end is left to the interpreter: exit codes, uncaught
exceptions, signals, threads and atexit.  So all that a program raises passes through here, and
one thing is taken back: the lines that our frames would add to its traceback.

A program must not find modules loaded that `python` wouldn't have loaded, because a file of its
own may have the same name.  Hence the few imports, and the late ones.
"""

from __future__ import annotations

import builtins
import os
import sys

from . import _import_hook

# The typing module's, which is too slow to load for a name that is false.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.abc import InspectLoader
    from types import ModuleType, TracebackType
    from typing import Any, Literal


class CannotStart(Exception):
    """There is no program to run; the text completes a sentence that begins with "can't"."""


def nothing() -> None:
    pass


# Called when there is a program, and nothing left but to run it.
before_it_starts: Callable[[], None] = nothing

# What the program's event loops go by; None leaves it to the program.
clock: Literal["real", "virtual", "patched"] | None = None
seed: int | None = None


def run_script(script: str, arguments: list[str]) -> None:
    """Runs what `python SCRIPT` runs: a file, or a directory or archive with a `__main__.py`."""
    sys.argv[:] = [script, *arguments]
    path = absolute(script)
    if not is_searchable(path):
        replace_first_on_path(os.path.dirname(os.path.realpath(path)))
        run_file(script, path)
        return
    if sys.flags.safe_path:
        # Nothing is in its place then; but without its own modules it's no program.
        sys.path.insert(0, path)
    else:
        replace_first_on_path(path)
    run_with_runpy("__main__", f"run {script!r}", alter_argv=False)


def run_module(name: str, arguments: list[str]) -> None:
    """Runs what `python -m NAME` runs."""
    # The module's file takes the place of "-m" once it has been found.
    sys.argv[:] = ["-m", *arguments]
    replace_first_on_path(working_directory())
    run_with_runpy(name, f"run module {name!r}", alter_argv=True)


def which_loops() -> str:
    """Says which loops asyncio has made in this program."""
    policy = sys.modules.get(f"{__package__}._policy")
    made = policy.EventLoopPolicy.made if policy is not None else 0
    if made == 0:
        return "the program made no event loop"
    if made == 1:
        return "the program's event loop was cafeloop.Loop"
    return f"the program's {made} event loops were cafeloop.Loop"


def run_file(script: str, path: str) -> None:
    loader, program = load(script, path)
    main = make_main()
    main.__dict__.update(__loader__=loader, __file__=path)
    if sys.version_info < (3, 15):
        main.__dict__.update(__cached__=None)
    before_it_starts()
    _import_hook.install_upon_import(clock, seed)
    try:
        if isinstance(program, bytes):
            program = compile(program, path, "exec", dont_inherit=True)
        exec(program, main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        show_frames_beyond(error)
        raise


def load(script: str, path: str) -> tuple[InspectLoader, Any]:
    """Reads the program: source as bytes, since it may declare its encoding, or code."""
    # Where the interpreter has them from; the public module loads others.
    from _frozen_importlib_external import SourceFileLoader, SourcelessFileLoader

    try:
        if path.endswith(".pyc"):
            compiled = SourcelessFileLoader("__main__", path)
            return compiled, compiled.get_code("__main__")
        source = SourceFileLoader("__main__", path)
        return source, source.get_data(path)
    except OSError as error:
        reason = uncapitalized(error.strerror or str(error))
        raise CannotStart(f"open {script!r}: {reason}") from None
    except (ImportError, EOFError, ValueError) as error:
        raise CannotStart(f"run {script!r}: {error}") from None


def run_with_runpy(name: str, attempt: str, *, alter_argv: bool) -> None:
    """Runs a module as the interpreter's own main function does, by the same private function."""
    import runpy

    make_main()
    before_it_starts()
    _import_hook.install_upon_import(clock, seed)
    try:
        runpy._run_module_as_main(name, alter_argv)  # type: ignore[attr-defined]
    except SystemExit as error:
        # With nothing to run, runpy itself exits; the program would exit further inside.
        frames = beyond(error.__traceback__)
        if frames is not None and frames.tb_next is None:
            raise CannotStart(f"{attempt}: {uncapitalized(str(error.__context__))}") from None
        raise
    except BaseException as error:
        show_frames_beyond(error)
        raise


# What the interpreter uses without holding it, up to Python 3.11 or 3.12: the dictionary of its
# first `__main__`, in which it clears up after a failed script, and the hook that it is calling.
# Without the former it crashes.
kept_alive: list[object] = []


def make_main() -> ModuleType:
    """Puts a module `__main__` in place of the command's own, as the interpreter first makes it."""
    kept_alive.append(sys.modules["__main__"])
    main = type(sys)("__main__")
    if sys.version_info < (3, 14):
        main.__dict__.update(__annotations__={})
    main.__dict__.update(__builtins__=builtins)
    sys.modules["__main__"] = main
    return main


def show_frames_beyond(error: BaseException) -> None:
    """Has the interpreter report `error` without the frame that caught it, or those outside.

    Those outside haven't been added to its traceback yet, so that nobody could take them off
    before the interpreter's last act, the call of `sys.excepthook`.
    """
    frames = beyond(error.__traceback__)
    hook = getattr(sys, "excepthook", sys.__excepthook__)

    def report(
        kind: type[BaseException], value: BaseException, traceback: TracebackType | None
    ) -> None:
        sys.excepthook = hook
        if value is error:
            # Post-mortem debuggers look here, the interpreter at the exception itself.
            value.__traceback__ = sys.last_traceback = traceback = frames
        try:
            hook(kind, value, traceback)
        except BaseException as failure:
            # The interpreter reports this too; a bare raise doesn't add the frame again.
            failure.__traceback__ = beyond(failure.__traceback__)
            raise

    kept_alive.append(report)
    sys.excepthook = report


def beyond(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback without its outermost frame: the one that caught the exception."""
    return traceback and traceback.tb_next


def is_searchable(path: str) -> bool:
    """Whether modules can be imported from it; the interpreter decides by the same question."""
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def replace_first_on_path(entry: str) -> None:
    """Puts the program's place where the interpreter has put the command's, if it was let to."""
    if not sys.flags.safe_path:
        sys.path[0] = entry


def forget_its_place() -> None:
    """Has nothing imported from where the command, or the program, is."""
    if not sys.flags.safe_path:
        del sys.path[0]


def absolute(path: str) -> str:
    """The path from the root on; not tidied up, since the interpreter doesn't."""
    return os.path.join(working_directory(), path)


def working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        # It is gone.  The interpreter starts nevertheless, and finds no modules there.
        return ""


def uncapitalized(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
