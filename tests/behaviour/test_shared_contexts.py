"""Contexts that tasks share: because they were given one, or until one of them changes it."""

import asyncio
import contextvars
import decimal
import sys

import pytest

pytestmark = pytest.mark.usefixtures("names")

flavour = contextvars.ContextVar("flavour", default="Vanilla")
cups = contextvars.ContextVar("cups", default=0)


def with_flavour(value):
    context = contextvars.copy_context()
    context.run(flavour.set, value)
    return context


async def taste(turns=1):
    for _ in range(turns):
        await asyncio.sleep(0)
    return flavour.get()


def test_many_tasks_that_read_and_few_that_write_do_not_meet(run):
    async def guest(number):
        seen = set()
        for step in range(5):
            if number % 3 == 0 and step == number % 5:
                flavour.set(number)
            seen.add(flavour.get())
            await asyncio.sleep(0)
        return seen

    async def main():
        return await asyncio.gather(*(guest(number) for number in range(30)))

    for number, seen in enumerate(run(main)):
        if number % 3:
            assert seen == {"Vanilla"}
        else:
            assert seen <= {"Vanilla", number}


def test_a_token_of_one_task_is_refused_by_another(run):
    async def use(token):
        with pytest.raises(ValueError, match="was created in a different Context$"):
            flavour.reset(token)

    async def main():
        token = flavour.set("Caramel")
        await asyncio.create_task(use(token))
        await asyncio.gather(use(token))
        # In the task itself, whatever it awaited meanwhile.
        flavour.reset(token)

    run(main)


def test_a_token_is_refused_by_a_task_that_has_set_nothing_itself(run):
    async def use(token):
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="was created in a different Context$"):
            flavour.reset(token)
        return flavour.get()

    async def main():
        token = flavour.set("Caramel")
        task = asyncio.create_task(use(token))
        await asyncio.sleep(0)
        return await task

    assert run(main) == "Caramel"


def test_siblings_take_back_what_each_has_set_in_whatever_order(run):
    """Each has a context of its own from its first change on, to which its tokens belong."""

    async def guest(number):
        first = cups.set(number)
        for _ in range(number % 3):
            await asyncio.sleep(0)
        second = cups.set(number * 10)
        await asyncio.sleep(0)
        cups.reset(second)
        seen = cups.get()
        await asyncio.sleep(0)
        cups.reset(first)
        return seen, cups.get()

    async def main():
        return await asyncio.gather(*(guest(number) for number in range(12)))

    assert run(main) == [(number, 0) for number in range(12)]


def test_what_is_set_just_before_a_sibling_begins_is_not_seen_by_it(loop, turn):
    seen = []

    async def guest(number):
        seen.append(cups.get())
        cups.set(number)
        seen.append(cups.get())

    tasks = [loop.create_task(guest(number)) for number in (1, 2, 3)]
    turn()
    assert all(task.done() for task in tasks)
    assert seen == [0, 1, 0, 2, 0, 3]


if sys.version_info >= (3, 12):

    def test_siblings_tell_contexts_of_their_own(loop):
        tasks = [loop.create_task(taste()) for _ in range(2)]
        contexts = [task.get_context() for task in tasks]
        assert contexts[0] is not contexts[1]
        contexts[0].run(flavour.set, "Caramel")
        loop.run_until_complete(asyncio.wait(tasks))
        assert [task.result() for task in tasks] == ["Caramel", "Vanilla"]


def test_two_tasks_in_one_context_see_each_others_changes(loop):
    async def write():
        await asyncio.sleep(0)
        flavour.set("Pistachio")

    context = with_flavour("Caramel")
    tasks = [
        loop.create_task(write(), context=context),
        loop.create_task(taste(0), context=context),
        loop.create_task(taste(3), context=context),
    ]
    loop.run_until_complete(asyncio.wait(tasks))
    assert [task.result() for task in tasks] == [None, "Caramel", "Pistachio"]
    assert context[flavour] == "Pistachio"
    assert flavour.get() == "Vanilla"


def test_changes_from_outside_reach_a_task_in_a_given_context_between_its_steps(loop, turn):
    context = contextvars.copy_context()
    task = loop.create_task(taste(2), context=context)
    turn()
    context.run(flavour.set, "Caramel")
    turn()
    turn()
    assert task.result() == "Caramel"


def test_a_context_that_runs_cannot_be_entered_again(run):
    async def main():
        context = contextvars.copy_context()
        with pytest.raises(RuntimeError, match="^cannot enter context: .* is already entered$"):
            context.run(context.run, taste)

    run(main)


def test_a_task_in_the_context_of_a_running_callback_waits_for_its_end(loop, turn):
    context = with_flavour("Caramel")
    tasks = []

    def make():
        tasks.append(loop.create_task(taste(0), context=context))

    loop.call_soon(make, context=context)
    turn()
    turn()
    assert tasks[0].result() == "Caramel"


def test_changes_in_one_step_are_not_seen_by_copies_made_before(loop, turn):
    """The copy and the task may share what they hold until one of them changes it."""
    copies = []

    async def guest():
        copies.append(contextvars.copy_context())
        flavour.set("Caramel")
        await asyncio.sleep(0)
        copies.append(contextvars.copy_context())
        flavour.set("Pistachio")

    task = loop.create_task(guest())
    turn()
    turn()
    assert task.done()
    assert [copy.run(flavour.get) for copy in copies] == ["Vanilla", "Caramel"]
    assert flavour.get() == "Vanilla"


def test_decimal_contexts_are_each_tasks_own(run):
    async def divide(digits):
        with decimal.localcontext() as context:
            context.prec = digits
            await asyncio.sleep(0)
            first = decimal.Decimal(1) / 3
            await asyncio.sleep(0)
            return len(str(first)) - 2, len(str(decimal.Decimal(1) / 3)) - 2

    async def main():
        before = decimal.getcontext().prec
        lengths = await asyncio.gather(*(divide(digits) for digits in (3, 5, 7)))
        return lengths, decimal.getcontext().prec == before

    assert run(main) == ([(3, 3), (5, 5), (7, 7)], True)


def test_a_decimal_context_that_a_task_sets_does_not_leave_it(run):
    async def set_precision():
        decimal.getcontext().prec = 3
        await asyncio.sleep(0)
        return decimal.getcontext().prec

    async def main():
        before = decimal.getcontext().prec
        with decimal.localcontext(prec=9):
            inner = await asyncio.create_task(set_precision())
            own = decimal.getcontext().prec
        return inner, own, decimal.getcontext().prec == before

    # One object, which copies of a context share: so a task that changes it changes its maker's.
    assert run(main) == (3, 3, True)


def test_a_decimal_context_that_is_made_by_asking_for_it_is_each_tasks_own(loop):
    """Where there is none, asking sets the variable: a reading that writes."""

    async def ask(digits):
        decimal.getcontext().prec = digits
        await asyncio.sleep(0)
        return decimal.getcontext().prec

    empty = contextvars.Context()
    tasks = [empty.run(loop.create_task, ask(digits)) for digits in (3, 5, 7)]
    loop.run_until_complete(asyncio.wait(tasks))
    assert [task.result() for task in tasks] == [3, 5, 7]
    assert len(empty) == 0


def test_a_tasks_context_can_be_entered_between_two_of_its_steps(loop):
    context = contextvars.copy_context()
    task = loop.create_task(taste(turns=3), context=context)
    loop.call_soon(context.run, flavour.set, "Hazelnut")
    assert loop.run_until_complete(task) == "Hazelnut"


def test_a_thread_can_enter_the_context_of_a_task_that_waits(loop):
    async def main():
        context = contextvars.copy_context()
        opens = asyncio.Event()

        async def guest():
            await asyncio.sleep(0)
            await opens.wait()
            return flavour.get()

        task = loop.create_task(guest(), context=context)
        await asyncio.sleep(0)
        await asyncio.to_thread(context.run, flavour.set, "Hazelnut")
        opens.set()
        return await task

    assert loop.run_until_complete(main()) == "Hazelnut"


def test_callbacks_between_the_steps_of_a_task_are_outside_of_its_context(loop):
    seen = []

    async def main():
        loop.call_soon(lambda: seen.append(flavour.get()))
        flavour.set("Caramel")
        for _ in range(3):
            await asyncio.sleep(0)
        return flavour.get()

    assert loop.run_until_complete(main()) == "Caramel"
    assert seen == ["Vanilla"]
    assert flavour.get() == "Vanilla"


def test_what_is_dropped_with_a_task_is_outside_of_its_context(loop):
    seen = []

    class Cup:
        def __del__(self):
            seen.append(flavour.get())

    async def brew():
        flavour.set("Caramel")
        await asyncio.sleep(0)
        return Cup()

    async def main():
        loop.create_task(brew())
        for _ in range(3):
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    assert seen == ["Vanilla"]


def test_what_a_callback_changes_is_gone_with_it(loop, turn):
    seen = []

    def drink(value):
        seen.append(flavour.get())
        flavour.set(value)

    for number in range(3):
        loop.call_soon(drink, number)
    turn()
    assert seen == ["Vanilla"] * 3
    assert flavour.get() == "Vanilla"


def test_a_callback_that_fails_after_a_change_is_reported_outside_of_its_context(loop, turn):
    seen = []
    loop.set_exception_handler(lambda _loop, _context: seen.append(flavour.get()))

    def spill():
        flavour.set("Caramel")
        raise ZeroDivisionError

    loop.call_soon(lambda: seen.append(flavour.get()))
    loop.call_soon(spill)
    loop.call_soon(lambda: seen.append(flavour.get()))
    turn()
    assert len(seen) == 3
    assert (seen[0], seen[2]) == ("Vanilla", "Vanilla")
