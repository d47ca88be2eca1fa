"""The loop as a base class: what a subclass overrides is what asyncio and the loop itself call."""

import asyncio
import concurrent.futures
import contextlib
import gc
import socket
import threading
import weakref

import pytest


# A limit against hanging, not an expectation.
LIMIT_SECONDS = 10


@pytest.fixture
def make(loop_class):
    """Makes a loop of a subclass with the given methods."""
    with contextlib.ExitStack() as loops:

        def make(**methods):
            subclass = type("Subclass", (loop_class,), methods)
            return loops.enter_context(contextlib.closing(subclass()))

        yield make


def recorder(loop_class, name):
    """A method that notes its calls on the loop before it does what it overrides."""
    overridden = getattr(loop_class, name)

    def record(self, *arguments, **keywords):
        vars(self).setdefault("calls", []).append(arguments)
        return overridden(self, *arguments, **keywords)

    return {name: record}


def one_turn(loop):
    loop.stop()
    loop.run_forever()


def callbacks(loop):
    return [arguments[0] for arguments in vars(loop).get("calls", [])]


def test_a_loop_is_an_abstract_event_loop(loop):
    assert isinstance(loop, asyncio.AbstractEventLoop)


def test_a_loop_takes_attributes(loop):
    loop.barista = "Ada"
    assert loop.barista == "Ada"
    assert vars(loop)["barista"] == "Ada"
    del loop.barista
    assert not hasattr(loop, "barista")


def test_a_loop_can_be_referenced_weakly(new_loop):
    loop = new_loop()
    ref = weakref.ref(loop)
    assert ref() is loop
    assert {loop: "key"}[loop] == "key"
    loop.close()
    del loop
    gc.collect()
    assert ref() is None


def test_loops_are_equal_only_to_themselves(new_loop):
    with contextlib.closing(new_loop()) as one, contextlib.closing(new_loop()) as other:
        assert one == one
        assert one != other
        assert len({one, other}) == 2


def test_a_subclass_may_have_a_constructor_of_its_own(loop_class):
    class Named(loop_class):
        def __init__(self, name, *, barista):
            super().__init__()
            self.name = name
            self.barista = barista

    with contextlib.closing(Named("café", barista="Ada")) as loop:
        assert (loop.name, loop.barista) == ("café", "Ada")
        assert loop.run_until_complete(asyncio.sleep(0, "ran")) == "ran"


def test_a_subclass_shows_its_own_name(make):
    assert repr(make()) == "<Subclass running=False closed=False debug=False>"


def test_a_subclass_may_have_properties(make):
    loop = make(barista=property(lambda self: f"Ada of {type(self).__name__}"))
    assert loop.barista == "Ada of Subclass"


def test_steps_of_tasks_go_through_an_overridden_call_soon(make, loop_class):
    loop = make(**recorder(loop_class, "call_soon"))
    loop.run_until_complete(asyncio.sleep(0))
    # A first step, one after `sleep(0)`, and the callback that ends the run.
    assert len(loop.calls) == 3


def test_callbacks_of_futures_go_through_an_overridden_call_soon(make, loop_class):
    loop = make(**recorder(loop_class, "call_soon"))
    future = loop.create_future()
    future.add_done_callback(print)
    future.set_result(None)
    assert callbacks(loop) == [print]


def test_the_life_of_a_connection_goes_through_an_overridden_call_soon(make, loop_class):
    class Waiting(asyncio.Protocol):
        def connection_lost(self, error):
            loop.stop()

    loop = make(**recorder(loop_class, "call_soon"))
    near, far = socket.socketpair()
    with far:
        making = loop.create_connection(Waiting, sock=near)
        transport, _ = loop.run_until_complete(making)
        transport.close()
        loop.run_forever()
    called = [getattr(callback, "__name__", "") for callback in callbacks(loop)]
    assert called.count("connection_made") == called.count("_call_connection_lost") == 1


def test_call_later_goes_through_an_overridden_call_at(make, loop_class):
    loop = make(**recorder(loop_class, "call_at"))
    loop.call_later(3600, print)
    ((when, callback),) = loop.calls
    assert callback is print
    assert when >= loop.time()


def test_sleeps_go_through_an_overridden_call_later(make, loop_class):
    loop = make(**recorder(loop_class, "call_later"))
    loop.run_until_complete(asyncio.sleep(0.001))
    assert callbacks(loop) == [0.001]


def test_other_threads_come_through_an_overridden_call_soon_threadsafe(make, loop_class):
    loop = make(**recorder(loop_class, "call_soon_threadsafe"))
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        loop.run_until_complete(loop.run_in_executor(executor, int))
    assert len(loop.calls) == 1


def test_to_thread_goes_through_an_overridden_run_in_executor(make):
    def run_in_executor(self, executor, function, *arguments):
        future = self.create_future()
        future.set_result("overridden")
        return future

    loop = make(run_in_executor=run_in_executor)
    assert loop.run_until_complete(asyncio.to_thread(int)) == "overridden"


def test_every_way_to_a_task_goes_through_an_overridden_create_task(make, loop_class):
    loop = make(**recorder(loop_class, "create_task"))

    async def main():
        await asyncio.create_task(asyncio.sleep(0))
        await asyncio.gather(asyncio.sleep(0))
        await asyncio.ensure_future(asyncio.sleep(0))

    loop.run_until_complete(main())
    assert len(loop.calls) == 4


def test_a_generators_end_goes_through_overridden_methods(make, loop_class):
    loop = make(
        **recorder(loop_class, "call_soon_threadsafe"), **recorder(loop_class, "create_task")
    )

    async def pour():
        try:
            yield "coffee"
        finally:
            await asyncio.sleep(0)

    async def main():
        generator = pour()
        await anext(generator)
        del generator
        gc.collect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    loop.run_until_complete(main())
    # The main task, the call from the finaliser, and the task that closes the generator.
    assert len(loop.calls) == 3


def test_failures_go_through_an_overridden_call_exception_handler(make):
    reports = []
    loop = make(call_exception_handler=lambda self, context: reports.append(context))
    loop.call_soon(lambda: 1 / 0)
    one_turn(loop)
    (report,) = reports
    assert isinstance(report["exception"], ZeroDivisionError)


def test_failures_go_through_an_overridden_default_exception_handler(make):
    reports = []
    loop = make(default_exception_handler=lambda self, context: reports.append(context))
    loop.call_soon(lambda: 1 / 0)
    one_turn(loop)
    (report,) = reports
    assert isinstance(report["exception"], ZeroDivisionError)


def test_a_default_exception_handler_that_fails_is_logged(make, log):
    def default_exception_handler(self, context):
        raise ValueError("in the default handler")

    loop = make(default_exception_handler=default_exception_handler)
    loop.call_exception_handler({"message": "spilt"})
    assert log.take_one().getMessage() == "Exception in default exception handler"

    loop.set_exception_handler(lambda loop, context: 1 / 0)
    loop.call_exception_handler({"message": "spilt"})
    assert log.take_one().getMessage() == (
        "Exception in default exception handler while handling an unexpected error "
        "in custom exception handler"
    )


@pytest.fixture
def ahead(make, loop_class):
    """A loop whose clock is a day ahead of the real one, and can be put further ahead."""
    return make(ahead=86400, time=lambda self: loop_class.time(self) + self.ahead)


def test_timers_are_due_by_an_overridden_clock(ahead):
    seen = []
    before = ahead.time()
    timer = ahead.call_later(3600, seen.append, "an hour later")
    assert before + 3600 <= timer.when() <= ahead.time() + 3600
    one_turn(ahead)
    assert seen == []
    ahead.ahead += 3600
    one_turn(ahead)
    assert seen == ["an hour later"]


def test_waits_end_by_an_overridden_clock(ahead):
    overslept = threading.Timer(LIMIT_SECONDS, ahead.call_soon_threadsafe, (ahead.stop,))
    overslept.start()
    start = ahead.time()
    # Raises an error if it is stopped before the sleep is over.
    ahead.run_until_complete(asyncio.sleep(0.001))
    assert ahead.time() - start >= 0.001
    overslept.cancel()
    overslept.join()


def test_an_overridden_run_forever_is_what_runs_until_complete(make, loop_class):
    loop = make(**recorder(loop_class, "run_forever"))
    loop.run_until_complete(asyncio.sleep(0))
    assert len(loop.calls) == 1


def test_an_overridden_close_is_what_a_runner_calls(loop_class):
    closed = []

    class Closing(loop_class):
        def close(self):
            closed.append(self.is_closed())
            super().close()

    with asyncio.Runner(loop_factory=Closing) as runner:
        runner.run(asyncio.sleep(0))
    assert closed == [False]


def test_a_loop_that_stands_in_for_another_hands_its_calls_on(make, loop_class):
    """As a proxy would that counts what is scheduled, and a subclass of that one in turn."""
    counts = []

    class Counting(loop_class):
        def call_soon(self, callback, *arguments, context=None):
            counts.append("counting")
            return super().call_soon(callback, *arguments, context=context)

    class CountingTwice(Counting):
        def call_soon(self, callback, *arguments, context=None):
            counts.append("twice")
            return super().call_soon(callback, *arguments, context=context)

    with contextlib.closing(CountingTwice()) as loop:
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert counts == ["twice", "counting"]
