"""The command as a whole: it sees what is broken, says so, and refuses what makes no sense."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import options, suite
from harness.bad_input import BadInput
from harness.factory import Factory

HERE = Path(__file__).resolve().parent

try:
    suite.require_package()
    MISSING = ""
except BadInput as error:
    MISSING = str(error)

needs_suite = pytest.mark.skipif(bool(MISSING), reason=MISSING)

# Each a few milliseconds long, so that seeing a defect costs little more than an interpreter.
DEFECTS = {
    "lifo": ["A.events.test_call_soon_threadsafe"],
    "contextless": ["B.test_tasks.CTask_CFuture_Tests.test_context_[456]"],
    "deaf": ["A.events.test_run_in_executor_cancel"],
    "forgetful": ["B.test_tasks.RunCoroutineThreadsafeTests.test_*_task_factory_exception"],
    "halfclosed": ["B.test_streams.StreamTests.test_wait_closed_on_close"],
    "rude": ["A.sendfile.test_sendfile_pre_and_post_data"],
}


def run(*arguments, script="run.py", path=HERE):
    """The finished process of the command."""
    return subprocess.run(
        [sys.executable, HERE / script, *map(str, arguments)],
        text=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(path)},
    )


def on(loop, *patterns, level="ABC"):
    """Arguments that run these tests on a loop, once."""
    only = [argument for pattern in patterns for argument in ("--only", pattern)]
    return ["--loop", loop, "--level", level, "--no-retry", *only]


def last_line(done):
    return done.stdout.splitlines()[-1]


# ---- what the suite sees


@needs_suite
@pytest.mark.slow
@pytest.mark.parametrize("loop", DEFECTS)
def test_a_defect_of_a_loop_is_seen(loop):
    patterns = DEFECTS[loop]
    level = patterns[0][0]
    # A deaf loop never returns: two seconds of it are enough.
    done = run(*on(f"broken_loops:{loop}", *patterns, level=level), "--timeout", 2)
    assert done.returncode == 1, done
    assert last_line(done).startswith("0 passed, "), done.stdout


@needs_suite
@pytest.mark.slow
def test_the_same_tests_pass_on_a_sound_loop():
    patterns = {pattern for patterns in DEFECTS.values() for pattern in patterns}
    done = run(*on("broken_loops:sound", *patterns, level="AB"))
    assert done.returncode == 0, done
    assert ", 0 failed, 0 skipped" in last_line(done)


# ---- what the command does with it


@needs_suite
@pytest.mark.slow
def test_expected_failures_make_a_run_good_until_they_pass(tmp_path):
    (test,) = DEFECTS["lifo"]
    other = "A.buffered.test_buffered_proto_create_connection"
    expect = tmp_path / "expected"
    expect.write_text(f"{test} :: the order\n")
    broken = run(*on("broken_loops:lifo", test, level="A"), "--expect", expect)
    assert (broken.returncode, last_line(broken)) == (0, "0 passed, 0 failed, 0 skipped")
    sound = run(*on("broken_loops:sound", test, other, level="A"), "--expect", expect)
    assert (sound.returncode, last_line(sound)) == (1, "1 passed, 1 failed, 0 skipped")
    assert f"expected to fail, and passes: {test} ({expect}:1: {test})" in sound.stdout


@needs_suite
@pytest.mark.slow
def test_what_passes_in_a_fresh_interpreter_is_flaky_and_not_failed(tmp_path):
    (tmp_path / "shy.py").write_text(
        "import asyncio, pathlib\n"
        "seen = pathlib.Path(__file__).with_suffix('.seen')\n"
        "def new_loop():\n"
        "    if not seen.exists():\n"
        "        seen.touch()\n"
        "        raise OSError('not the first time')\n"
        "    return asyncio.SelectorEventLoop()\n"
    )
    (test,) = DEFECTS["lifo"]
    out = tmp_path / "out.json"
    done = run(
        "--loop", "shy:new_loop", "--level", "A", "--only", test, "--json", out, path=tmp_path
    )
    assert (done.returncode, last_line(done)) == (0, "1 passed, 0 failed, 0 skipped")
    assert f"flaky: {test}" in done.stdout
    assert "not the first time" in json.loads(out.read_text())["tests"][test]["flaky"]


@needs_suite
@pytest.mark.slow
def test_the_failures_of_a_run_become_the_lines_that_expect_them(tmp_path):
    out, expect = tmp_path / "out.json", tmp_path / "expected"
    lifo = ["--loop", "broken_loops:lifo", "--level", "A", "--no-retry"]
    (test,) = DEFECTS["lifo"]
    run(*lifo, "--only", test, "--json", out)
    record = json.loads(out.read_text())
    out.write_text(json.dumps(record | {"only": []}))
    expect.write_text(run("--propose", out, script="results.py").stdout)
    assert test in expect.read_text()
    assert run(*lifo, "--only", test, "--expect", expect).returncode == 0


@needs_suite
@pytest.mark.slow
def test_the_list_names_tests_and_why_some_are_not_run():
    done = run("--loop", "asyncio:new_event_loop", "--level", "A", "--list")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "A.events.test_call_later" in lines
    assert (
        "A.events.test_timeout_rounding (excluded) replaces loop._run_once and counts its "
        "calls" in lines
    )


def test_the_control_is_not_asked_for_itself():
    # new_event_loop() asks the default policy, which run.py has ask the factory.
    loop = Factory("asyncio:new_event_loop")()
    loop.close()
    assert type(loop).__module__ == "asyncio.unix_events"


# ---- what it refuses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --loop"),
        (["--loop", "x:y", "--level", "AD"], "--level 'AD': wanted some of the letters ABC"),
        (["--loop", "x:y", "--level", ""], "--level '': wanted some of the letters ABC"),
        (["--loop", "x:y", "--jobs", "0"], "--jobs 0: wanted at least one"),
        (["--loop", "x:y", "--jobs", "many"], "invalid int value: 'many'"),
        (["--loop", "x:y", "--timeout", "0"], "--timeout 0: wanted seconds above zero"),
        (["--loop", "x:y", "--json", "/no/such/out"], "cannot write in /no/such: make the folder"),
        (["--loop", "x:y", "--fast"], "unrecognized arguments: --fast"),
        (["--loop", "x:y", "--learn"], "only CPython's own loop"),
        (
            ["--loop", "asyncio:SelectorEventLoop", "--learn", "--level", "A"],
            "--learn is about the whole suite",
        ),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(BadInput) as error:
        options.parse(arguments)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        ("asyncio", "--loop 'asyncio' names no loop: write module:factory"),
        ("no_such_module:make", "cannot import no_such_module: ModuleNotFoundError"),
        ("asyncio:no_such_name", "--loop 'asyncio:no_such_name': asyncio has no no_such_name"),
        ("asyncio:constants", "wanted something to call, found a module"),
    ],
)
def test_a_loop_that_cannot_be_had_is_refused(loop, message):
    with pytest.raises(BadInput) as error:
        Factory(loop)
    assert message in str(error.value)


def test_an_interpreter_without_its_tests_is_told_where_they_are(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"Debian and Ubuntu: libpython3\.\d+-testsuite"):
        suite.require_package()


@needs_suite
@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loop", "asyncio:nothing"], "run.py: --loop 'asyncio:nothing': asyncio has no nothing"),
        (
            ["--loop", "asyncio:new_event_loop", "--level", "A", "--only", "A.events.test_nothing"],
            "run.py: --only 'A.events.test_nothing' matches no test of level A",
        ),
        (
            ["--loop", "asyncio:new_event_loop", "--expect", "/no/such/file"],
            "run.py: cannot read the rules in /no/such/file",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_help_explains_levels_and_exit_status(capsys):
    with pytest.raises(SystemExit) as leaving:
        options.parse(["--help"])
    assert leaving.value.code == 0
    text = capsys.readouterr().out
    assert "the mixins that CPython wrote" in text
    assert "Exit status: 0 nothing failed, 1 something did" in text
