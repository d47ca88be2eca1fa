"""`cafeloop.record()`: where a recording goes, and what it leaves behind."""

import gc
import threading
import warnings

import cafeloop
import pytest

NAP = """\
import asyncio, cafeloop
async def nap():
    await asyncio.sleep(0.002)
async def main():
    await asyncio.create_task(nap(), name="sleeper")
"""


@pytest.mark.parametrize(
    "source",
    [
        "with cafeloop.record('x.flow'): cafeloop.run(main())",
        "cafeloop.run(main(), record='x.flow')",
        "cafeloop.run(main(), record=cafeloop.record('x.flow'))",
        "with asyncio.Runner(loop_factory=lambda: cafeloop.new_event_loop(record='x.flow')) as it:"
        " it.run(main())",
    ],
)
def test_a_run_is_recorded_into_a_file(run, read, source):
    run(NAP + source)
    flow = read("x.flow")
    assert flow.labels() == ["main", "sleeper"]


def test_a_running_loop_is_recorded_from_its_next_turn_on(run, read):
    run(NAP + """\
async def some():
    await main()
    with cafeloop.record("x.flow"):
        await asyncio.create_task(nap(), name="seen")
    await main()
cafeloop.run(some())
""")
    flow = read("x.flow")
    assert sorted(flow.labels()) == ["seen", "some"]
    assert flow.task("seen").end == "returned"


def test_what_waits_at_the_end_is_told_with_its_lines(run, read):
    run(NAP + """\
async def main():
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(stuck(loop.create_future()), name="stuck")
    with cafeloop.record("x.flow"):
        await asyncio.sleep(0.002)
    task.cancel()
async def stuck(future):
    await future
cafeloop.run(main())
""")
    ((_, chain),) = [wait for wait in read("x.flow").waits(read("x.flow").task("stuck"))]
    assert [function for function, _ in chain] == ["stuck"]


RING = NAP + """\
async def serve(recording):
    for number in range(3):
        await asyncio.create_task(nap(), name=f"request {{number}}")
    {dump}
with cafeloop.record("x.flow", mode="ring"{options}) as recording:
    cafeloop.run(serve(recording))
"""


@pytest.mark.parametrize(
    ("dump", "options"),
    [
        ("recording.dump()", ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGUSR1); await asyncio.sleep(0)",
         ", dump_signal=__import__('signal').SIGUSR1"),
        ("asyncio.get_running_loop().call_exception_handler({'message': 'lost'})", ""),
    ],
    ids=["by call", "by signal", "by an error"],
)
def test_a_ring_is_written_down_when_it_is_asked_for(run, read, dump, options):
    run("import logging; logging.disable()\n" + RING.format(dump=dump, options=options))
    flow = read("x.flow")
    assert flow.labels() == ["serve", "request 0", "request 1", "request 2"]


def test_a_ring_that_nobody_asked_for_is_forgotten(run, folder):
    run(RING.format(dump="pass", options=""))
    assert not (folder / "x.flow").exists()


def test_a_small_ring_keeps_the_newest_and_says_how_much_is_gone(run, read):
    run(NAP + """\
async def serve(recording):
    for number in range(2000):
        await asyncio.create_task(nap() if number == 1999 else asyncio.sleep(0),
                                  name=f"request {number}")
    recording.dump()
with cafeloop.record("x.flow", mode="ring", ring_bytes=4096) as recording:
    cafeloop.run(serve(recording))
""")
    flow = read("x.flow")
    assert flow.run.dropped > 0
    assert flow.labels()[-1] == "request 1999"


def test_a_ring_shows_no_arguments(run, read):
    run("""\
import asyncio, cafeloop
async def brew(secret):
    await asyncio.sleep(0)
async def main(recording):
    await asyncio.create_task(brew("Latte"))
    recording.dump()
with cafeloop.record("x.flow", mode="ring") as recording:
    cafeloop.run(main(recording))
""")
    assert "brew" in read("x.flow").labels()


def test_a_process_has_one_recording_at_a_time(tmp_path):
    with cafeloop.record(tmp_path / "x.flow") as recording:
        with pytest.raises(RuntimeError, match="this process is being recorded already"):
            cafeloop.record(tmp_path / "y.flow").start()
        with pytest.raises(RuntimeError, match="a recording can't begin twice"):
            recording.start()
    recording.stop()
    with pytest.raises(RuntimeError, match="a recording can't begin twice"):
        recording.start()
    with pytest.raises(RuntimeError, match="the recording isn't going on"):
        recording.dump()


def test_a_file_that_can_not_be_written_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        cafeloop.record(tmp_path / "no" / "x.flow").start()
    assert raised.value.filename == str(tmp_path / "no" / "x.flow")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"mode": "loud"}, "mode must be 'full', 'ring' or 'off', not 'loud'"),
        ({"wait_threshold": -1}, "wait_threshold must be a number of seconds from 0, not -1"),
        ({"sample_interval": float("nan")}, "sample_interval must be a number"),
        ({"dump_signal": 10}, "dump_signal is for mode='ring'"),
    ],
)
def test_what_makes_no_sense_is_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        cafeloop.record("x.flow", **options)


def test_off_is_nothing_at_all(tmp_path):
    with cafeloop.record(tmp_path / "x.flow", mode="off"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_recording_leaves_nothing_behind(tmp_path):
    hook = warnings._warn_unawaited_coroutine
    before = (list(gc.callbacks), threading.active_count())
    with cafeloop.record(tmp_path / "x.flow"):
        assert warnings._warn_unawaited_coroutine is not hook
    assert (gc.callbacks, threading.active_count()) == before
    assert warnings._warn_unawaited_coroutine is hook


def test_a_warning_of_what_was_never_awaited_names_the_same_line(tmp_path):
    async def brew():
        pass

    with cafeloop.record(tmp_path / "x.flow"), pytest.warns(RuntimeWarning) as caught:
        brew()
    assert [warning.filename for warning in caught] == [__file__]
