"""Who is served when: the hand-over of asyncio's locks, events and queues, turn by turn.

They stand on futures and tasks, so that their order shows whether those keep asyncio's.
"""

import asyncio

import pytest

pytestmark = pytest.mark.usefixtures("names")


@pytest.fixture
def trace(loop):
    """Runs coroutines, which begin in one turn, to their end; they note what happens in which."""
    turn = 0
    seen = []

    def note(*words):
        seen.append((turn, *words))

    def trace(*coroutines):
        nonlocal turn
        tasks = [loop.create_task(coroutine(note)) for coroutine in coroutines]
        while not all(task.done() for task in tasks):
            turn += 1
            assert turn < 100, "these tasks wait for each other"
            loop.stop()
            loop.run_forever()
        for task in tasks:
            task.result()
        return seen

    return trace


def test_a_lock_is_handed_over_in_the_turn_after_its_release(trace):
    lock = asyncio.Lock()

    def guest(name):
        async def guest(note):
            async with lock:
                note(name, "in")
                await asyncio.sleep(0)
                note(name, "out")
            note(name, "gone")

        return guest

    assert trace(guest("a"), guest("b"), guest("c")) == [
        (1, "a", "in"),
        (2, "a", "out"),
        (2, "a", "gone"),
        (3, "b", "in"),
        (4, "b", "out"),
        (4, "b", "gone"),
        (5, "c", "in"),
        (6, "c", "out"),
        (6, "c", "gone"),
    ]


def test_a_lock_that_was_just_released_goes_to_who_waits_longest(trace):
    lock = asyncio.Lock()

    async def greedy(note):
        for turn in range(3):
            async with lock:
                note("greedy", turn)
                await asyncio.sleep(0)

    async def patient(note):
        async with lock:
            note("patient")

    assert trace(greedy, patient) == [
        (1, "greedy", 0),
        (3, "patient"),
        (4, "greedy", 1),
        (5, "greedy", 2),
    ]


def test_an_event_wakes_all_in_their_order_in_the_turn_after(loop, trace):
    event = asyncio.Event()

    def guest(name):
        async def guest(note):
            await event.wait()
            note(name)
            await event.wait()
            note(name, "again")

        return guest

    async def setter(note):
        await asyncio.sleep(0)
        loop.call_soon(note, "callback before")
        event.set()
        event.clear()
        event.set()
        loop.call_soon(note, "callback after")

    assert trace(guest("a"), guest("b"), setter) == [
        (3, "callback before"),
        (3, "a"),
        (3, "a", "again"),
        (3, "b"),
        (3, "b", "again"),
        (3, "callback after"),
    ]


def test_a_condition_wakes_as_many_as_it_is_told_to_one_after_the_other(trace):
    condition = asyncio.Condition()

    def guest(name):
        async def guest(note):
            async with condition:
                await condition.wait()
                note(name)

        return guest

    async def notifier(note):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        async with condition:
            condition.notify(2)
            note("notified")
        for _ in range(6):
            await asyncio.sleep(0)
        async with condition:
            condition.notify_all()
            note("notified all")

    assert trace(guest("a"), guest("b"), guest("c"), notifier) == [
        (3, "notified"),
        (4, "a"),
        (4, "b"),
        (9, "notified all"),
        (10, "c"),
    ]


def test_a_semaphore_lets_in_as_many_as_it_has_places(trace):
    semaphore = asyncio.Semaphore(2)

    def guest(name, turns):
        async def guest(note):
            async with semaphore:
                note(name, "in")
                for _ in range(turns):
                    await asyncio.sleep(0)
                note(name, "out")

        return guest

    assert trace(guest("a", 2), guest("b", 1), guest("c", 1), guest("d", 0)) == [
        (1, "a", "in"),
        (1, "b", "in"),
        (2, "b", "out"),
        (3, "a", "out"),
        (3, "c", "in"),
        (4, "d", "in"),
        (4, "d", "out"),
        (4, "c", "out"),
    ]


def test_a_bounded_queue_makes_producer_and_consumer_take_turns(trace):
    queue = asyncio.Queue(1)

    async def produce(note):
        for cup in range(3):
            await queue.put(cup)
            note("put", cup)

    async def consume(note):
        for _ in range(3):
            note("got", await queue.get())

    assert trace(produce, consume) == [
        (1, "put", 0),
        (1, "got", 0),
        (2, "put", 1),
        (3, "got", 1),
        (4, "put", 2),
        (5, "got", 2),
    ]


def test_consumers_are_served_in_the_order_in_which_they_came(trace):
    queue = asyncio.Queue()

    def consumer(name):
        async def consume(note):
            for _ in range(2):
                note(name, await queue.get())

        return consume

    async def produce(note):
        await asyncio.sleep(0)
        for cup in range(4):
            queue.put_nowait(cup)
        note("put")

    turns = trace(consumer("a"), consumer("b"), produce)
    assert turns == [(2, "put"), (3, "a", 0), (3, "a", 1), (3, "b", 2), (3, "b", 3)]


def test_whoever_joins_a_queue_is_told_when_all_is_done(trace):
    queue = asyncio.Queue()
    queue.put_nowait("cup")
    queue.put_nowait("cup")

    async def wait(note):
        await queue.join()
        note("joined")

    async def work(note):
        for _ in range(2):
            await asyncio.sleep(0)
            queue.get_nowait()
            queue.task_done()
            note("done")

    assert trace(wait, work) == [(2, "done"), (3, "done"), (4, "joined")]


def test_a_barrier_opens_for_all_at_once(trace):
    barrier = asyncio.Barrier(3)

    def guest(name):
        async def guest(note):
            note(name, await barrier.wait())

        return guest

    turns = trace(guest("a"), guest("b"), guest("c"))
    assert sorted(place for _, _, place in turns) == [0, 1, 2]
    assert [words[1] for words in turns] == ["c", "a", "b"]


def test_a_guest_who_is_cancelled_at_a_lock_lets_the_next_one_in(loop, trace):
    lock = asyncio.Lock()
    tasks = {}

    def guest(name):
        async def guest(note):
            tasks[name] = asyncio.current_task()
            try:
                async with lock:
                    note(name, "in")
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                note(name, "cancelled")

        return guest

    async def cancel(note):
        await asyncio.sleep(0)
        tasks["b"].cancel()

    assert trace(guest("a"), guest("b"), guest("c"), cancel) == [
        (1, "a", "in"),
        (3, "b", "cancelled"),
        (4, "c", "in"),
    ]


def test_a_guest_who_is_cancelled_while_a_lock_is_handed_over_hands_it_on(trace):
    lock = asyncio.Lock()
    tasks = {}

    async def first(note):
        async with lock:
            await asyncio.sleep(0)
        # The lock is on its way to the second one.
        tasks["second"].cancel()

    def guest(name):
        async def guest(note):
            tasks[name] = asyncio.current_task()
            try:
                async with lock:
                    note(name, "in")
            except asyncio.CancelledError:
                note(name, "cancelled")

        return guest

    assert trace(first, guest("second"), guest("third")) == [
        (3, "second", "cancelled"),
        (4, "third", "in"),
    ]


def test_a_consumer_who_is_cancelled_while_served_leaves_the_cup_for_the_next(trace):
    queue = asyncio.Queue()
    tasks = {}

    def consumer(name):
        async def consume(note):
            tasks[name] = asyncio.current_task()
            try:
                note(name, await queue.get())
            except asyncio.CancelledError:
                note(name, "cancelled")

        return consume

    async def produce(note):
        queue.put_nowait("cup")
        tasks["first"].cancel()

    assert trace(consumer("first"), consumer("second"), produce) == [
        (2, "first", "cancelled"),
        (3, "second", "cup"),
    ]

