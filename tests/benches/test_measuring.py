"""One measurement in its own processes: what comes back, whatever a row or a loop does."""

import os
import select
from dataclasses import replace

import pytest

from benches.compare.loops import Loop
from benches.compare.outcome import Outcome
from benches.compare.process import Hung, Process


def test_a_body_is_measured_with_all_its_operations(measured):
    answer = measured("well")
    assert answer.outcome is Outcome.MEASURED
    assert answer.figures["operations"] == 100
    assert answer.figures["cpu_ns"] > 0
    assert answer.figures["wall_ns"] > 0


def test_a_tenth_runs_first_in_the_same_process(measured):
    assert measured("warm").outcome is Outcome.MEASURED


@pytest.mark.parametrize(
    ("name", "outcome", "detail"),
    [
        ("crash", Outcome.CRASHED, "SIGSEGV"),
        ("crash-at-the-end", Outcome.CRASHED, "SIGABRT"),
        ("crash-after-the-end", Outcome.CRASHED, "SIGABRT"),
        ("exit-early", Outcome.RAISED, "exit code 3"),
        ("fail", Outcome.RAISED, "ValueError: no such thing"),
        ("lack", Outcome.UNSUPPORTED, "NotImplementedError: create_server"),
        ("hang", Outcome.HUNG, "no end after 0 s"),
        ("process-fails", Outcome.RAISED, "no, thanks"),
    ],
)
def test_a_row_that_fails_has_a_word_and_a_reason(measured, name, outcome, detail):
    answer = measured(name)
    assert (answer.outcome, answer.detail) == (outcome, detail)
    assert answer.figures == {}


def test_what_a_failing_row_wrote_is_kept(measured):
    assert measured("fail").said == "and a second line"


def test_a_loop_that_cant_be_imported_has_a_word(measured):
    answer = measured("well", loop=Loop("no", "import no_such_module", "None", "no_such_module"))
    assert answer.outcome is Outcome.RAISED
    assert answer.detail == "ModuleNotFoundError: No module named 'no_such_module'"


def test_a_loop_that_is_anothers_is_found_out(measured):
    answer = measured("well", loop=Loop("no", "import asyncio", "asyncio.new_event_loop()", "no"))
    assert answer.outcome is Outcome.RAISED
    assert answer.detail == "RuntimeError: asked for a loop of no, got one of asyncio"


def test_the_harnesss_own_settings_of_python_dont_reach_a_row(measured, monkeypatch):
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    assert measured("undebugged").outcome is Outcome.MEASURED


def test_memory_is_that_of_the_objects(measured):
    figures = measured("memory").figures
    assert figures["objects"] == 100
    # Each is a bytearray of 100 kB; memory comes in pages.
    assert figures["bytes"] / figures["objects"] == pytest.approx(100_000, rel=0.05)


def test_what_ends_early_is_counted(measured):
    figures = measured("distribution").figures
    assert (figures["waits"], figures["early"]) == (10, 10)
    assert figures["median_off_ns"] > 3599e9
    assert figures["min_ns"] <= figures["median_ns"] <= figures["p99_ns"]


def test_a_process_is_measured_from_its_start_to_its_end(measured):
    figures = measured("process").figures
    assert figures["processes"] == 2
    # An interpreter can't start in less than a millisecond.
    assert figures["cpu_ns"] > 1e6


class TestServer:
    def test_its_figures_are_the_load_programs(self, served):
        answer = served("well")
        assert answer.outcome is Outcome.MEASURED
        assert answer.figures == {
            "requests": 100,
            "bytes": 5 << 20,
            "cpu_ns": 4000,
            "wall_ns": 500_000_000,
            "latency_p50_us": 10.5,
        }

    def test_its_limit_is_a_program(self, served):
        answer = served("well", loop=None)
        assert (answer.outcome, answer.figures["requests"]) == (Outcome.MEASURED, 100)

    @pytest.mark.parametrize(
        ("name", "outcome", "detail"),
        [
            ("wrong", Outcome.ERRORS, "3 wrong bytes"),
            ("silent", Outcome.HUNG, "50 timed out"),
            ("mute", Outcome.ERRORS, "can't connect"),
            ("lack", Outcome.UNSUPPORTED, "NotImplementedError"),
            ("give-up", Outcome.RAISED, "RuntimeError: the server ended by itself"),
            ("die-under-load", Outcome.RAISED, "ConnectionError: enough"),
        ],
    )
    def test_one_that_fails_has_a_word_and_a_reason(self, served, name, outcome, detail):
        answer = served(name)
        assert (answer.outcome, answer.detail) == (outcome, detail)


    def test_one_that_dies_says_why_before_the_load_does(self, served, terms):
        # A limit against hanging: it's over as soon as the server has ended.
        answer = served("die-later", terms=replace(terms, ending_s=60.0))
        assert (answer.outcome, answer.detail) == (Outcome.RAISED, "ConnectionError: enough")


class TestProcess:
    def test_what_it_started_ends_with_it(self, tmp_path):
        command = ["sh", "-c", "sleep 3600 & echo $!; wait"]
        with Process(command, tmp_path, limit_s=60) as process:
            grandchild = os.pidfd_open(int(process.line()))
        # Readable when it has ended; a minute is a limit against hanging.
        assert select.select([grandchild], [], [], 60)[0]
        os.close(grandchild)

    def test_one_that_gives_no_answer_in_time_hangs(self, tmp_path):
        with Process(["sleep", "3600"], tmp_path, limit_s=0.0) as process, pytest.raises(Hung):
            process.line()

    def test_it_runs_on_the_core_that_it_is_given(self, tmp_path):
        core = max(os.sched_getaffinity(0))
        command = ["sh", "-c", "grep ^Cpus_allowed_list /proc/self/status"]
        with Process(command, tmp_path, core=core, limit_s=60) as process:
            assert process.line().split() == ["Cpus_allowed_list:", str(core)]

    def test_its_descriptors_are_closed_with_it(self, tmp_path):
        before = set(os.listdir("/proc/self/fd"))
        with Process(["true"], tmp_path, limit_s=60) as process:
            assert process.wait().code == 0
        assert set(os.listdir("/proc/self/fd")) == before
