"""The command line: what is refused, before anything is measured."""

import os
import signal
import subprocess
import sys

import pytest

from benches.compare import command
from benches.compare.command import main
from benches.compare.loops import LOOPS
from benches.compare.measure import ROOT
from benches.compare.outcome import Outcome
from benches.compare.record import Record
from tests.benches.findings import failed, took


@pytest.fixture
def refused(capsys):
    """Has the command refuse its arguments; returns what it said."""

    def refused(*arguments):
        assert main(list(arguments)) == 2
        printed, complaint = capsys.readouterr()
        assert printed == ""
        assert complaint.startswith("bench: ")
        return complaint

    return refused


def test_an_unknown_row_gives_the_rows_that_there_are(refused):
    complaint = refused("--rows", "sleep-0 nonsense*")
    assert "no row matches 'nonsense*'" in complaint
    assert " sleep-0 " in complaint


def test_an_unknown_loop_gives_the_loops_that_there_are(refused):
    complaint = refused("--loops", "asyncio libuv")
    assert "no loop 'libuv'" in complaint
    for loop in LOOPS:
        assert f" {loop.name} " in complaint


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--rounds", "0"], "--rounds 0: wanted more than 0"),
        (["--rounds", "many"], "invalid int value: 'many'"),
        (["--seconds", "-1"], "--seconds -1: wanted more than 0"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--json", "no/such/folder/run.json"], "make the folder first"),
        (["show"], "the following arguments are required: FILE"),
        (["show", "no-such-file.json"], "can't read no-such-file.json"),
        (["page", "no-such-file.json"], "can't read no-such-file.json"),
        (["install", "--loops", "libuv"], "no loop 'libuv'"),
        (["install", "--for", "3.14"], "needs --target"),
        (["install", "--platform", "manylinux_2_28_x86_64"], "needs --for"),
    ],
)
def test_what_makes_no_sense_is_refused(refused, arguments, complaint):
    assert complaint in refused(*arguments)


@pytest.mark.parametrize("words", [[], ["show"], ["page"], ["install"]])
def test_each_command_explains_itself(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert f"usage: {' '.join(['python -m benches.compare', *words])} " in printed


def test_rows_and_loops_can_be_listed(capsys):
    assert main(["--list", "--rows", "sleep*", "--loops", "asyncio uvloop"]) == 0
    printed = capsys.readouterr().out
    assert "sleep-0" in printed
    assert "asyncio" in printed
    assert "task-group" not in printed


def test_a_written_run_can_be_shown(make_record, tmp_path, capsys):
    record = make_record(took("asyncio", 60), failed("uvloop", Outcome.CRASHED, "SIGSEGV"))
    record.write(tmp_path / "run.json")
    assert main(["show", str(tmp_path / "run.json"), "--details"]) == 0
    printed = capsys.readouterr().out
    assert "uvloop crash: task, SIGSEGV" in printed
    assert "15th %" in printed


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_is_told_after_what_there_is(tmp_path, capsys, monkeypatch, end):
    def interrupted(*arguments):
        os.kill(os.getpid(), end)

    monkeypatch.setattr(command, "measure", interrupted)
    file = tmp_path / "run.json"
    assert main(["--rows", "sleep-0", "--loops", "asyncio", "--json", str(file)]) == 130
    assert "This run was interrupted" in capsys.readouterr().out
    assert not Record.read(file).is_complete


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_has_seen_enough_is_no_error(make_record, tmp_path, unbuffered):
    make_record(took("asyncio", 60)).write(tmp_path / "run.json")
    reading, writing = os.pipe()
    os.close(reading)
    shown = subprocess.run(
        [sys.executable, "-m", "benches.compare", "show", tmp_path / "run.json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    assert (shown.returncode, shown.stderr) == (0, b"")


def test_a_row_is_measured_shown_and_written(tmp_path, capsys):
    file = tmp_path / "run.json"
    asked = ["--rows", "sleep-0", "--loops", "asyncio", "--rounds", "1", "--scale", "0.001"]
    assert main([*asked, "--seed", "5", "--json", str(file)]) == 0
    printed, told = capsys.readouterr()
    assert "sleep(0)" in printed
    assert "1 measurements, seed 5" in told
    assert main(["show", str(file)]) == 0
    assert "sleep(0)" in capsys.readouterr().out
