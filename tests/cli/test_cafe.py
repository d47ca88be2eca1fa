"""The café in Rust, as the command opens it."""

import signal
import subprocess
import sys


def test_it_serves_in_virtual_time(cafeloop):
    status, stdout, stderr = cafeloop("cafe", "async", "--clock", "virtual", "--quiet")
    assert (status, stdout, stderr) == (0, "Serving 2 customers took 5.00 seconds\n", "")


def test_its_help_is_its_own(cafeloop):
    status, stdout, stderr = cafeloop("cafe", "--help")
    assert (status, stderr) == (0, "")
    assert "Usage: cafeloop cafe [OPTIONS] <CAFÉ>" in stdout


def test_what_it_cannot_serve_is_answered_on_stderr(cafeloop):
    status, stdout, stderr = cafeloop("cafe", "async", "--order", "Vanilla Tea")
    assert (status, stdout) == (2, "")
    assert "Vanilla Tea" in stderr


def test_what_it_has_recorded_is_drawn(cafeloop, tmp_path):
    recording = tmp_path / "cafe.flow"
    cafeloop("cafe", "async", "--clock", "virtual", "--quiet", f"--flow={recording}")
    assert "handle_customer" in cafeloop("flow", recording).stdout


def test_ctrl_c_ends_it():
    command = [sys.executable, "-m", "cafeloop", "cafe", "async", "--brew", "3600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait() == -signal.SIGINT
        assert process.stderr.read() == b""
