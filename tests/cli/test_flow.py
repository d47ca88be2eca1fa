"""`cafeloop flow`: the program runs as under `python`, and is drawn, however it ends."""

import json
import os
import signal
import subprocess
import sys

import pytest

# A limit against hanging, not an expectation.
LIMIT_SECONDS = 60
MODULE = [sys.executable, "-m", "cafeloop"]

CAFE = """\
import asyncio
async def brew(coffee):
    await asyncio.sleep(0.01)
async def main():
    await asyncio.gather(brew("Latte"), brew("Mocha"))
asyncio.run(main())
"""


@pytest.fixture
def drawn(end_of, write, cafeloop):
    """The end of a program under `python` and under `cafeloop flow`, which have to be the same but
    for the picture, which is returned."""

    def drawn(source, *arguments, **options):
        file = write("cafe.py", source)
        expected = end_of([sys.executable, file.name, *arguments], **options)
        ending = cafeloop("flow", file.name, *arguments, **options)
        assert (ending.status, ending.stderr) == (expected.status, expected.stderr)
        assert ending.stdout.startswith(expected.stdout)
        return ending.stdout.removeprefix(expected.stdout)

    return drawn


def test_a_picture_follows_what_the_program_printed(drawn):
    picture = drawn("print('Welcome!')\n" + CAFE)
    assert "brew('Latte')" in picture and "brew('Mocha')" in picture
    assert "Overlap" in picture


@pytest.mark.parametrize(
    ("source", "stdin"),
    [
        ("import sys; print(sys.argv, sys.stdin.read())", "beans"),
        ("import sys; sys.exit(7)", ""),
        ("raise LookupError('out of beans')", ""),
        ("import os; print('gone', flush=True); os._exit(9)", ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ""),
        ("raise KeyboardInterrupt", ""),
        ("import atexit; atexit.register(print, 'closed')", ""),
    ],
    ids=["arguments", "exit code", "traceback", "os._exit", "SIGTERM", "SIGKILL", "Ctrl-C",
         "atexit"],
)
def test_whatever_ends_a_program_it_ends_so_and_is_drawn(drawn, source, stdin):
    assert "cafe.py" in drawn(source + "\n", "--help", "-x", stdin=stdin)


@pytest.mark.slow
def test_a_signal_reaches_the_program_and_the_picture_is_drawn(write, cafeloop):
    # Sent to the command alone; a terminal sends it to both.
    write("cafe.py", """\
import os, signal, threading, time
threading.Timer(0.2, os.kill, (os.getppid(), signal.SIGINT)).start()
try:
    time.sleep(60)
finally:
    print("swept")
""")
    status, stdout, stderr = cafeloop("flow", "cafe.py")
    assert status == -signal.SIGINT
    assert stderr.endswith("KeyboardInterrupt\n")
    assert stdout.startswith("swept\n")
    assert "<module> (cafe.py:4)" in stdout


def test_a_module_is_drawn(write, cafeloop):
    write("cafe/__main__.py", CAFE)
    status, stdout, stderr = cafeloop("flow", "-m", "cafe")
    assert (status, stderr) == (0, "")
    assert "brew('Latte')" in stdout


def test_pictures_go_to_files_each_in_its_form(write, folder, cafeloop):
    write("cafe.py", CAFE)
    files = {"--html": "a.html", "--svg": "a.svg", "--perfetto": "a.trace", "--json": "a.json"}
    options = [word for pair in files.items() for word in pair]
    status, stdout, stderr = cafeloop("flow", *options, "cafe.py")
    assert (status, stdout) == (0, "")
    assert stderr.splitlines() == [
        f"cafeloop: the flow is drawn in {file}" for file in files.values()
    ]
    assert (folder / "a.html").read_text().lower().startswith("<!doctype html>")
    assert (folder / "a.svg").read_text().startswith("<svg")
    assert json.loads((folder / "a.trace").read_text())["traceEvents"]
    assert json.loads((folder / "a.json").read_text())["tasks"]


def test_a_recording_is_drawn_like_the_run(write, cafeloop):
    write("cafe.py", CAFE)
    status, stdout, stderr = cafeloop("run", "--flow", "cafe.py")
    assert (status, stdout) == (0, "")
    assert stderr == "cafeloop: the flow is in cafe.flow; 'cafeloop flow cafe.flow' draws it\n"
    status, stdout, stderr = cafeloop("flow", "cafe.flow", NO_COLOR="1")
    assert (status, stderr) == (0, "")
    assert "brew('Latte')" in stdout


def test_recordings_are_compared(write, cafeloop):
    write("cafe.py", CAFE)
    for name in ("before.flow", "after.flow"):
        assert cafeloop("run", f"--flow={name}", "cafe.py").status == 0
    status, stdout, stderr = cafeloop("diff", "before.flow", "after.flow")
    assert (status, stderr) == (0, "")
    assert "brew" in stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["flow", "no.py"], "can't open 'no.py': no such file or directory"),
        (["flow", "no.flow"], "can't draw 'no.flow': no such file or directory"),
        (["flow", "folder.flow"], "can't draw 'folder.flow': it is a directory"),
        (["flow", "-m", "no"], "can't run module 'no': no module named no"),
        (["diff", "no.flow", "no.flow"], "can't draw 'no.flow': no such file or directory"),
        (
            ["flow", "--svg", "no/a.svg", "cafe.py"],
            "can't write 'no/a.svg': no such file or directory",
        ),
        (["flow", "--svg", "folder.flow", "cafe.py"], "can't write 'folder.flow': is a directory"),
        (
            ["run", "--flow=no/a.flow", "cafe.py"],
            "can't record into 'no/a.flow': no such file or directory",
        ),
    ],
)
def test_what_can_not_be_done_is_one_line_before_anything_runs(
    write, folder, cafeloop, words, complaint
):
    write("cafe.py", "print('ran')\n")
    (folder / "folder.flow").mkdir()
    assert cafeloop(*words) == (2, "", f"cafeloop: {complaint}\n")


def test_what_is_no_recording_is_said_to_be_none(write, cafeloop):
    write("notes.flow", "beans, milk\n")
    status, stdout, stderr = cafeloop("flow", "notes.flow")
    assert (status, stdout, stderr.count("\n")) == (2, "", 1)
    assert stderr.startswith("cafeloop: can't draw 'notes.flow': ")


def test_a_reader_that_has_left_is_no_failure(write, folder):
    write("cafe.py", CAFE)
    command = [*MODULE, "flow", "cafe.py"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_recorded_program_finds_its_own_modules(write, drawn):
    for name in ("asyncio", "signal", "queue", "typing"):
        write(f"{name}.py", "print(__file__.rsplit('/', 1)[1])\n")
    drawn("import asyncio, signal, queue, typing\n")
