"""Asynchronous generators that are left half-way: who finishes them, and when."""

import asyncio
import gc
import sys
import threading

import pytest


async def pour(seen):
    """Pours for ever; its end takes an await, as a connection's would."""
    try:
        while True:
            yield "coffee"
    finally:
        await asyncio.sleep(0)
        seen.append("cleaned")


async def pour_and_spill():
    try:
        yield "coffee"
    finally:
        raise ValueError("spilt")


async def first_cup(generator):
    return await anext(generator)


def test_shutting_down_finishes_the_generators_that_are_half_way(loop):
    seen = []
    generators = [pour(seen) for _ in range(3)]
    for generator in generators:
        assert loop.run_until_complete(first_cup(generator)) == "coffee"
    assert seen == []
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert seen == ["cleaned"] * 3


def test_shutting_down_without_generators_does_nothing(loop):
    assert loop.run_until_complete(loop.shutdown_asyncgens()) is None


def test_a_runner_finishes_the_generators_that_its_program_left(run):
    seen = []
    generators = [pour(seen)]

    async def main():
        await first_cup(generators[0])

    run(main)
    assert seen == ["cleaned"]


def test_an_exception_in_a_generators_end_is_reported(loop):
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context))
    generator = pour_and_spill()
    loop.run_until_complete(first_cup(generator))
    loop.run_until_complete(loop.shutdown_asyncgens())
    (report,) = reports
    assert report["message"] == (
        f"an error occurred during closing of asynchronous generator {generator!r}"
    )
    assert isinstance(report["exception"], ValueError)
    assert report["asyncgen"] is generator


def test_a_generator_that_is_dropped_is_finished_by_the_loop(loop):
    seen = []

    async def main():
        generator = pour(seen)
        await anext(generator)
        del generator
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        return list(seen)

    assert loop.run_until_complete(main()) == ["cleaned"]


def test_a_generator_that_is_dropped_in_another_thread_is_finished_by_the_loop(loop):
    seen = []
    generators = [pour(seen)]

    async def main():
        await anext(generators[0])
        dropper = threading.Thread(target=generators.clear)
        dropper.start()
        dropper.join()
        for _ in range(5):
            await asyncio.sleep(0)
        return list(seen)

    assert loop.run_until_complete(main()) == ["cleaned"]


def test_a_generator_dropped_after_its_loop_was_closed_is_let_go_silently(new_loop, log):
    loop = new_loop()
    seen = []
    generator = pour(seen)
    loop.run_until_complete(first_cup(generator))
    loop.close()
    del generator
    gc.collect()
    assert seen == []
    assert log.take() == []


def test_a_generator_begun_after_the_shutdown_is_warned_of(loop):
    loop.run_until_complete(loop.shutdown_asyncgens())
    generator = pour([])
    message = f"^asynchronous generator {generator!r} was scheduled after "
    with pytest.warns(ResourceWarning, match=message):
        loop.run_until_complete(first_cup(generator))
    loop.run_until_complete(generator.aclose())


def test_hooks_that_were_set_before_come_back_after_the_run(loop, turn):
    def first_iteration(generator):
        pass

    def finalise(generator):
        pass

    hooks = []
    sys.set_asyncgen_hooks(first_iteration, finalise)
    loop.call_soon(lambda: hooks.append(tuple(sys.get_asyncgen_hooks())))
    turn()
    assert sys.get_asyncgen_hooks() == (first_iteration, finalise)
    assert first_iteration not in hooks[0]
    assert finalise not in hooks[0]
    sys.set_asyncgen_hooks(None, None)


def test_a_finished_generator_is_not_kept_for_the_shutdown(loop):
    seen = []

    async def main():
        generator = pour(seen)
        await anext(generator)
        await generator.aclose()
        await loop.shutdown_asyncgens()

    loop.run_until_complete(main())
    assert seen == ["cleaned"]
