"""What the loop does to the methods of asyncio's classes: nothing that anybody sees.

`asyncio.Task.cancel(task)` has to know the loop's own tasks, from the moment in which there are
any.  What it does for them is in tests/behaviour/test_unbound_methods.py.
"""

import sys

import pytest

pytestmark = pytest.mark.parametrize("loop_name", ["cafeloop"])

# All that can be seen of the members of asyncio's classes, and of an object of theirs.
SEEN = """
import asyncio, copyreg, inspect, pickle
from unittest import mock

def seen():
    found = {}
    for kind in asyncio.Future, asyncio.Task:
        found[kind] = (list(vars(kind)), kind.__basicsize__, dir(kind), kind.__doc__)
        for name, member in vars(kind).items():
            try:
                signature = str(inspect.signature(member))
            except (TypeError, ValueError) as error:
                signature = str(error)
            found[kind, name] = (
                id(member), type(member), repr(member), signature, getattr(member, "__doc__", None),
                getattr(member, "__text_signature__", None), getattr(member, "__qualname__", None),
                getattr(member, "__objclass__", None),
            )
    found["pickled"] = pickle.dumps([asyncio.Future.set_result, asyncio.Task.cancel])
    try:
        with mock.patch.object(asyncio.Task, "cancel"):
            pass
    except TypeError as error:
        found["patched"] = str(error)
    return found

class OtherLoop(asyncio.SelectorEventLoop):
    pass

other_loop = OtherLoop()
future = asyncio.Future(loop=other_loop)

def bound():
    # Equal if they are the same function of the same object.
    return [getattr(future, name) for name in ("set_result", "cancel", "done", "__repr__")]
"""


def test_an_import_and_a_new_loop_leave_the_methods_the_same_functions(run_script):
    assert run_script(SEEN + """
before, bound_before = seen(), bound()
import cafeloop
assert bound() == bound_before
loop = cafeloop.new_event_loop()
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
assert bound() == bound_before
assert seen() == before
other_loop.close()
""") == ""


def test_when_there_are_native_tasks_the_methods_look_and_work_as_before(run_script):
    assert run_script(SEEN + """
before = seen()
import cafeloop

async def main():
    task = asyncio.ensure_future(asyncio.sleep(3600))
    await asyncio.sleep(0)
    return asyncio.Task.cancel(task), type(task).__module__

assert cafeloop.run(main()) == (True, "cafeloop")
assert seen() == before
assert asyncio.Task.cancel is asyncio.Task.cancel
assert (pickle.loads(pickle.dumps(asyncio.Task.cancel))) is asyncio.Task.cancel

asyncio.Future.set_result(future, "Mocha")
assert (future.result(), repr(future)) == ("Mocha", "<Future finished result='Mocha'>")

async def other():
    await asyncio.sleep(0)
    return "Latte"

task = other_loop.create_task(other())
assert type(task) is asyncio.Task
asyncio.Task.set_name(task, "guest")
assert other_loop.run_until_complete(task) == "Latte"
assert asyncio.Task.get_name(task) == asyncio.Task.get_name.__call__(task) == "guest"
other_loop.close()
""") == ""


def test_a_method_that_was_taken_before_knows_the_tasks_that_come(run_script):
    assert run_script("""
import asyncio
from asyncio import Task
cancel, get_name = Task.cancel, Task.get_name
# Often enough for the interpreter to have made it quick.
loop = asyncio.new_event_loop()
for _ in range(2000):
    future = loop.create_future()
    asyncio.Future.set_result(future, get_name)
loop.close()

def end(future):
    asyncio.Future.set_result(future, get_name)

import cafeloop
async def main():
    for _ in range(2000):
        future = asyncio.get_running_loop().create_future()
        end(future)
        assert future.result() is get_name
    print(get_name(asyncio.current_task()), cancel(asyncio.current_task()))

try:
    cafeloop.run(main())
except asyncio.CancelledError:
    print("cancelled")
""") == "Task-1 True\ncancelled\n"


def test_the_build_says_whose_methods_run(run_script):
    script = "import cafeloop; print(cafeloop.build_info()['unbound_methods'])"
    assert run_script(script) == "native\n"


def test_where_something_is_unknown_the_methods_are_left_and_the_build_says_why(run_script):
    assert run_script("""
import asyncio, cafeloop
from cafeloop import _cafeloop
assert _cafeloop._refuse_unbound_methods("a method isn't known")
print(cafeloop.build_info()["tasks"], cafeloop.build_info()["unbound_methods"])
loop = cafeloop.new_event_loop()
future = loop.create_future()
try:
    asyncio.Future.set_result(future, "Mocha")
except RuntimeError as error:
    print(error)
future.set_result("Mocha")
print(future.result())
loop.close()
""").splitlines() == [
        "native interpreter (a method isn't known)",
        "Future object is not initialized.",
        "Mocha",
    ]


def test_once_there_are_native_tasks_it_is_too_late_to_leave_the_methods(run_script):
    assert run_script("""
import cafeloop
from cafeloop import _cafeloop
print(cafeloop.build_info()["unbound_methods"], _cafeloop._refuse_unbound_methods("too late"))
""") == "native False\n"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="there asyncio itself crashes in such")
def test_another_interpreter_has_methods_of_its_own(run_script):
    assert run_script("""
import cafeloop, _interpreters as interpreters
cafeloop.new_event_loop().close()
assert cafeloop.build_info()["unbound_methods"] == "native"
other = interpreters.create()
interpreters.run_string(other, '''
import asyncio
loop = asyncio.new_event_loop()
future = loop.create_future()
asyncio.Future.set_result(future, "Mocha")
assert asyncio.Future.result(future) == "Mocha"
loop.close()
''')
interpreters.destroy(other)
""") == ""
