"""How long a block takes, by the loop's clock and by the machine's."""

import asyncio

import pytest

import cafeloop

# Real seconds, for what takes no time.
AT_ONCE = 60


def test_it_measures_both_clocks():
    async def main():
        with cafeloop.Stopwatch() as watch:
            await asyncio.sleep(1.23)
            # Not 1.2300000000000040, as the difference of the two times is.
            assert watch.loop_seconds == 1.23
            await asyncio.sleep(0.25)
        await asyncio.sleep(3600)
        assert watch.loop_seconds == 1.48
        assert 0 < watch.real_seconds < AT_ONCE
        assert repr(watch).startswith("<Stopwatch 1.48 s, ")

    cafeloop.run(main(), clock=cafeloop.VirtualClock(start=100))


def test_it_may_be_used_again():
    async def main():
        watch = cafeloop.Stopwatch()
        for seconds in (3600, 60):
            with watch:
                await asyncio.sleep(seconds)
            assert watch.loop_seconds == seconds

    cafeloop.run(main(), clock="virtual")


def test_on_the_real_clock_both_are_the_same():
    async def main():
        with cafeloop.Stopwatch() as watch:
            await asyncio.sleep(0.001)
        assert watch.loop_seconds >= 0.001
        assert watch.real_seconds >= 0.001

    cafeloop.run(main())


def test_it_needs_a_running_loop_and_a_beginning():
    with pytest.raises(RuntimeError, match="no running event loop"), cafeloop.Stopwatch():
        pass
    assert repr(cafeloop.Stopwatch()) == "<Stopwatch>"
    with pytest.raises(RuntimeError, match="the stopwatch hasn't been started"):
        cafeloop.Stopwatch().loop_seconds
