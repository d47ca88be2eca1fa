"""What the command answers by itself, through the streams of a real process."""

import platform
import re
import subprocess
import sys

import pytest


@pytest.mark.parametrize("command", ["as a module", "as installed"])
def test_help_goes_to_stdout(end_of, entry_script, cafeloop, command):
    ask = cafeloop if command == "as a module" else lambda *words: end_of([*entry_script, *words])
    status, stdout, stderr = ask("--help")
    assert (status, stderr) == (0, "")
    assert "Usage: cafeloop <COMMAND>" in stdout
    assert "cafeloop run server.py" in stdout


def test_version_names_the_package_rust_and_python(cafeloop):
    status, stdout, stderr = cafeloop("--version")
    assert (status, stderr) == (0, "")
    number = r"\d+\.\d+\.\d+\S*"
    python = re.escape(platform.python_version())
    assert re.fullmatch(rf"cafeloop {number} \(Rust {number}, Python {python}\)\n", stdout)


def test_no_command_is_answered_with_help_on_stderr(cafeloop):
    assert cafeloop() == (2, "", cafeloop("--help").stdout)


def test_an_unknown_command_is_answered_on_stderr(cafeloop):
    status, stdout, stderr = cafeloop("rnu", "cafe.py")
    assert (status, stdout) == (2, "")
    assert stderr.startswith("error: unrecognized subcommand 'rnu'\n")


def test_a_reader_that_has_left_is_no_failure():
    command = [sys.executable, "-m", "cafeloop", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_full_disk_is_named():
    with open("/dev/full", "wb") as full:
        process = subprocess.run(
            [sys.executable, "-m", "cafeloop", "--help"], stdout=full, stderr=subprocess.PIPE
        )
    assert process.returncode == 2
    complaint = b"cafeloop: can't write to stdout: No space left on device (os error 28)\n"
    assert process.stderr == complaint
