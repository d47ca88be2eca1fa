"""After a fork: the child makes loops of its own, and the parent's goes on as if nothing happened.

The programs are interpreters of their own, which have one thread when they fork.
"""

import pytest

pytestmark = pytest.mark.slow

# What the programs share: a child that runs a function, and must end well.
FORKING = """
import asyncio, os, signal, sys, threading

def in_a_child(function):
    sys.stdout.flush()
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        print("child ended:", os.waitstatus_to_exitcode(status))
    else:
        try:
            function()
            sys.stdout.flush()
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)

def run_a_new_loop():
    loop = new_loop()
    try:
        return loop.run_until_complete(asyncio.sleep(0.001, "ran"))
    finally:
        loop.close()
"""


def test_a_child_makes_and_runs_a_loop_of_its_own(run_script):
    printed = run_script(FORKING + """
loop = new_loop()
loop.run_until_complete(asyncio.sleep(0))
in_a_child(lambda: print("child", run_a_new_loop()))
print("parent", loop.run_until_complete(asyncio.sleep(0.001, "ran")))
loop.close()
""")
    assert printed == "child ran\nchild ended: 0\nparent ran\n"


def test_a_child_of_a_running_loop_is_not_in_it_and_runs_its_own(run_script):
    printed = run_script(FORKING + """
def child():
    print("child in a loop:", asyncio._get_running_loop() is not None)
    print("child", run_a_new_loop())

async def main():
    in_a_child(child)
    await asyncio.sleep(0.001)
    print("parent ran")

loop = new_loop()
loop.run_until_complete(main())
loop.close()
""")
    assert printed == "child in a loop: False\nchild ran\nchild ended: 0\nparent ran\n"


def test_a_child_that_closes_the_parents_loop_leaves_it_its_callbacks_and_timers(run_script):
    printed = run_script(FORKING + """
loop = new_loop()
loop.call_soon(print, "parent's callback")
loop.call_later(0.001, print, "parent's timer")
loop.call_later(0.002, loop.stop)
in_a_child(loop.close)
loop.run_forever()
loop.close()
""")
    assert printed == "child ended: 0\nparent's callback\nparent's timer\n"


# The standard library's loop shares its epoll with the child, whose close() takes the wake-up
# socket out of it: no call from a thread wakes the parent any more.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_child_that_closes_the_parents_loop_leaves_it_its_descriptors_and_its_door(run_script):
    printed = run_script(FORKING + """
def read():
    os.read(reading, 1)
    loop.remove_reader(reading)
    print("parent's reader")
    threading.Thread(target=call_and_wait_for_the_answer).start()

def call_and_wait_for_the_answer():
    answered = threading.Semaphore(0)
    for _ in range(500):
        loop.call_soon_threadsafe(answered.release)
        answered.acquire()
    loop.call_soon_threadsafe(loop.stop)

loop = new_loop()
reading, writing = os.pipe()
loop.add_reader(reading, read)
in_a_child(loop.close)
os.write(writing, b"!")
loop.run_forever()
print("parent stopped")
loop.close()
""")
    assert printed == "child ended: 0\nparent's reader\nparent stopped\n"


def test_a_child_that_ends_as_usual_leaves_the_parents_loop_alone(run_script):
    printed = run_script(FORKING + """
loop = new_loop()
sys.stdout.flush()
child = os.fork()
if not child:
    # The interpreter's own end: it finalises the loop that it inherited.
    loop.close()
    sys.exit(0)
os.waitpid(child, 0)
print("parent", loop.run_until_complete(asyncio.sleep(0.001, "ran")))
loop.close()
""")
    assert printed == "parent ran\n"


def test_a_signal_of_a_child_is_not_handled_by_the_parents_loop(run_script):
    # Until 3.12 the interpreter leaves the wake-up descriptor of the parent to its child.
    printed = run_script(FORKING + """
def child():
    signal.set_wakeup_fd(-1)
    signal.raise_signal(signal.SIGUSR1)

loop = new_loop()
loop.add_signal_handler(signal.SIGUSR1, print, "parent's handler")
in_a_child(child)
loop.call_later(0.001, loop.stop)
loop.run_forever()
loop.close()
""")
    assert printed == "child ended: 0\n"


MULTIPROCESSING = """
import asyncio, multiprocessing

def work(queue):
    loop = new_loop()
    queue.put(loop.run_until_complete(asyncio.sleep(0.001, "child ran")))
    loop.close()

async def main(method):
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    print(queue.get())
    process.join()
    print("child ended:", process.exitcode)

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main("{method}"))
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_multiprocessing_run_loops_of_their_own(run_script, method):
    printed = run_script(MULTIPROCESSING.format(method=method))
    assert printed == "child ran\nchild ended: 0\n"
