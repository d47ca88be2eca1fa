"""Descriptors: a loop takes a few, keeps them to itself, and gives them all back."""

import asyncio
import contextlib
import os
import resource
import signal

import pytest

MANY_LOOPS = 1000


def test_closing_gives_every_descriptor_back(new_loop, open_descriptors):
    before = open_descriptors()
    loop = new_loop()
    assert len(open_descriptors()) > len(before)
    loop.close()
    assert open_descriptors() == before


def test_closing_gives_every_descriptor_back_after_use(new_loop, open_descriptors, pipe):
    before = open_descriptors()
    loop = new_loop()
    reading, writing = pipe
    loop.add_reader(reading, print)
    loop.add_writer(writing, int)
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.call_soon_threadsafe(int)
    loop.run_until_complete(loop.run_in_executor(None, int))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    assert open_descriptors() == before


def test_a_run_that_fails_gives_every_descriptor_back(run, open_descriptors):
    async def main():
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)
        raise ValueError("spilt")

    before = open_descriptors()
    with pytest.raises(ValueError):
        run(main)
    assert open_descriptors() == before


def test_a_thousand_loops_leave_nothing_open(new_loop, open_descriptors):
    before = open_descriptors()
    for _ in range(MANY_LOOPS):
        loop = new_loop()
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
    assert open_descriptors() == before


def test_running_again_opens_nothing_more(loop, open_descriptors):
    loop.run_until_complete(asyncio.sleep(0))
    before = open_descriptors()
    for _ in range(100):
        loop.run_until_complete(asyncio.sleep(0))
    assert open_descriptors() == before


def test_programs_that_are_started_inherit_none_of_them(new_loop, open_descriptors):
    before = open_descriptors()
    with contextlib.closing(new_loop()):
        own = set(open_descriptors()) - set(before)
        assert not any(os.get_inheritable(number) for number in own)


# The standard library's loop complains of its own half-made self when it can't be made.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_loop_that_cannot_be_made_is_an_error_and_leaves_nothing_open(
    new_loop, open_descriptors
):
    before = open_descriptors()
    with contextlib.closing(new_loop()):
        needed = len(open_descriptors()) - len(before)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = min(set(range(len(before) + 1)) - set(before))
    for granted in range(needed):
        # Numbers below the limit that are free: as many as are granted, from the first one on.
        resource.setrlimit(resource.RLIMIT_NOFILE, (first_free + granted, hard))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                new_loop()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert open_descriptors() == before
