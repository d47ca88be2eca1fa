"""Importing the package changes nothing for anybody else."""

import importlib
import os
import sys

import pytest

pytestmark = pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)

WITHOUT_EFFECT = """
import asyncio, gc, os, signal, sys, threading, warnings

def everything_that_others_see():
    names = {
        (module, name): id(value)
        for module, contents in sys.modules.items() if module.startswith(("asyncio", "_asyncio"))
        for name, value in vars(contents).items()
    }
    wakeup_descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup_descriptor)
    with open("/proc/self/timerslack_ns") as timer_slack:
        kernel = timer_slack.read()
    return {
        "names and policy": names,
        "running loop": asyncio._get_running_loop(),
        "signal handlers": {n: signal.getsignal(n) for n in signal.valid_signals()},
        "blocked signals": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "wake-up descriptor": wakeup_descriptor,
        "threads": (os.listdir("/proc/self/task"), threading.enumerate()),
        "descriptors": os.listdir("/proc/self/fd"),
        "environment": dict(os.environ),
        "timer slack": kernel,
        "warnings' filters": list(warnings.filters),
        "asynchronous generators' hooks": sys.get_asyncgen_hooks(),
        "other hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.meta_path[:]),
        "garbage collection": (gc.get_threshold(), gc.isenabled(), gc.callbacks[:]),
        "switch interval": sys.getswitchinterval(),
    }

before = everything_that_others_see()
import cafeloop
after = everything_that_others_see()
for what in before:
    if before[what] != after[what]:
        print(what, before[what], after[what])
for found in gc.get_objects():
    if isinstance(found, asyncio.AbstractEventLoop):
        print("a loop:", found)
"""


def test_importing_has_no_effect_on_others(run_script):
    assert run_script(WITHOUT_EFFECT) == ""


def test_after_the_import_the_standard_loop_is_still_the_one_that_is_made(run_script):
    printed = run_script("""
import asyncio
import cafeloop
async def main():
    return isinstance(asyncio.get_running_loop(), cafeloop.Loop)
print(asyncio.run(main()))
""")
    assert printed == "False\n"


def test_the_package_can_be_imported_in_any_thread(run_script):
    printed = run_script("""
import threading
def use():
    loop = new_loop()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    print("ran")
for _ in range(2):
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
""")
    assert printed == "ran\nran\n"


def test_who_needs_no_connection_loads_nothing_for_one(run_script):
    printed = run_script("""
import asyncio, sys
with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(asyncio.sleep(0))
for part in "record", "stream_transport", "pipe_transport", "datagram_transport", "tls_protocol":
    if f"cafeloop._{part}" in sys.modules:
        print(part)
""")
    assert printed == ""


def test_the_build_tells_what_it_is(loop_name):
    package = importlib.import_module(loop_name)
    build = package.build_info()
    assert build["version"] == package.__version__
    assert build["tasks"] == "native"
    assert build["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert build["rust"]


def test_every_public_name_is_there(loop_name):
    package = importlib.import_module(loop_name)
    for name in package.__all__:
        assert hasattr(package, name)
    assert {
        "EventLoopPolicy", "Loop", "build_info", "install", "new_event_loop", "run", "uninstall"
    } <= set(package.__all__)


def test_a_new_event_loop_is_a_loop_of_the_package(loop_name, left_as_found):
    package = importlib.import_module(loop_name)
    loop = package.new_event_loop()
    assert type(loop) is package.Loop
    loop.close()


def test_types_are_marked_for_checkers(loop_name):
    package = importlib.import_module(loop_name)
    assert os.path.exists(os.path.join(os.path.dirname(package.__file__), "py.typed"))


SIGNATURES = """
import inspect, typing
import cafeloop

for name in cafeloop.__all__:
    public = getattr(cafeloop, name)
    methods = vars(public).items() if inspect.isclass(public) else [("", public)]
    for method, function in methods:
        if inspect.isfunction(function) and (method == "__init__" or not method.startswith("_")):
            for argument, annotated in typing.get_type_hints(function).items():
                assert not isinstance(annotated, str), (name, method, argument)

def shown(function):
    hints = typing.get_type_hints(function).items()
    print(*(name for name, annotated in hints if "cafeloop" in repr(annotated)))

for function in (cafeloop.run, cafeloop.new_event_loop, cafeloop.install, cafeloop.record):
    shown(function)
"""


def test_the_types_of_what_is_public_can_be_asked_for(run_script):
    assert run_script(SIGNATURES).split("\n") == [
        "clock record",
        "clock record return",
        "clock",
        "return",
        "",
    ]
