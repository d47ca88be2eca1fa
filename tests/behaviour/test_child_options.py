"""Options of child processes: all that `subprocess.Popen` knows, but for text."""

import asyncio
import fcntl
import logging
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

PIPE = asyncio.subprocess.PIPE
STDOUT = asyncio.subprocess.STDOUT
DEVNULL = asyncio.subprocess.DEVNULL

IS_ROOT = os.geteuid() == 0
SHELL = "/bin/sh"
TRUE = "/bin/true"


async def printed(line, **options):
    """What a line of the shell prints, its last newline apart."""
    process = await asyncio.create_subprocess_exec(SHELL, "-c", line, stdout=PIPE, **options)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode().removesuffix("\n")


def ignore_hang_ups():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


OPTIONS = {
    "cwd": ({"cwd": "/usr"}, "pwd", "/usr"),
    "cwd as a path": ({"cwd": Path("/usr")}, "pwd", "/usr"),
    "cwd as bytes": ({"cwd": b"/usr"}, "pwd", "/usr"),
    "env": ({"env": {"COFFEE": "latte"}}, "echo $COFFEE $HOME", "latte"),
    "env as bytes": ({"env": {b"COFFEE": b"latte"}}, "echo $COFFEE", "latte"),
    "umask": ({"umask": 0o157}, "umask", "0157"),
    "executable": ({"executable": "/bin/bash"}, "echo ${BASH_VERSION:+bash}", "bash"),
    "preexec_fn": ({"preexec_fn": ignore_hang_ups}, "kill -HUP $$; echo here", "here"),
    "start_new_session": ({"start_new_session": True}, "cut -d' ' -f6 /proc/$$/stat", None),
    "process_group": ({"process_group": 0}, "cut -d' ' -f5 /proc/$$/stat", None),
    "close_fds": ({"close_fds": True}, "ls /proc/self/fd | wc -l", "4"),
    "restore_signals": ({"restore_signals": False}, "kill -PIPE $$; echo here", "here"),
    "user": ({"user": os.getuid()}, "id -u", str(os.getuid())),
    "group": ({"group": os.getgid()}, "id -g", str(os.getgid())),
    "stderr": ({"stderr": STDOUT}, "echo latte; echo mocha >&2", "latte\nmocha"),
    "stdin": ({"stdin": DEVNULL}, "cat; echo end", "end"),
}
if IS_ROOT:
    OPTIONS |= {
        "another user": ({"user": 65534, "group": 65534}, "id -u; id -g", "65534\n65534"),
        "extra_groups": ({"extra_groups": [65534, 3]}, "id -G", "0 3 65534"),
    }


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_as_for_any_child(run, name):
    options, line, expected = OPTIONS[name]
    if expected is None:
        # Its own number.
        line, expected = f"test $({line}) = $$ && echo same", "same"

    async def main():
        output = await printed(line, **options)
        if name == "extra_groups":
            assert set(output.split()) == set(expected.split())
        else:
            assert output == expected

    run(main)


@pytest.mark.parametrize("is_passed", [True, False])
def test_descriptors_are_passed_if_that_is_asked_for(run, is_passed):
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)

    async def main():
        options = {"pass_fds": [writing]} if is_passed else {}
        line = f"test -e /proc/self/fd/{writing} && echo there || echo gone"
        return await printed(line, **options)

    assert run(main) == ("there" if is_passed else "gone")
    os.close(reading)
    os.close(writing)


def test_descriptors_may_all_be_passed(run):
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    assert run(lambda: printed(f"ls /proc/self/fd/{writing}", close_fds=False)) == (
        f"/proc/self/fd/{writing}"
    )
    os.close(reading)
    os.close(writing)


def test_pipes_are_as_large_as_asked_for(run):
    async def main():
        process = await asyncio.create_subprocess_exec(
            "/bin/cat", stdin=PIPE, stdout=PIPE, pipesize=8192
        )
        sizes = [
            fcntl.fcntl(transport.get_extra_info("pipe"), fcntl.F_GETPIPE_SZ)
            for transport in map(process._transport.get_pipe_transport, (0, 1))
        ]
        await process.communicate(b"coffee")
        return sizes

    assert run(main) == [8192, 8192]


@pytest.mark.parametrize("program", [SHELL, os.fsencode(SHELL), Path(SHELL)])
@pytest.mark.parametrize("argument", ["exit 7", b"exit 7"])
def test_programs_and_arguments_are_text_bytes_or_paths(run, program, argument):
    async def main():
        process = await asyncio.create_subprocess_exec(program, "-c", argument)
        return await process.wait()

    assert run(main) == 7


@pytest.mark.parametrize("line", ["echo latte; exit 7", b"echo latte; exit 7"])
def test_lines_of_a_shell_are_text_or_bytes(run, line):
    async def main():
        process = await asyncio.create_subprocess_shell(line, stdout=PIPE)
        return await process.communicate(), process.returncode

    assert run(main) == ((b"latte\n", None), 7)


def test_files_take_the_place_of_pipes(run, tmp_path):
    order, bill = tmp_path / "order", tmp_path / "bill"
    order.write_bytes(b"latte")

    async def main():
        with open(order, "rb") as stdin, open(bill, "wb") as stdout:
            process = await asyncio.create_subprocess_exec(
                "/bin/cat", stdin=stdin, stdout=stdout.fileno()
            )
            assert (process.stdin, process.stdout, process.stderr) == (None, None, None)
            return await process.wait()

    assert run(main) == 0
    assert bill.read_bytes() == b"latte"


BAD = {
    "universal_newlines": ({"universal_newlines": True}, "universal_newlines must be False"),
    "bufsize": ({"bufsize": 4096}, "bufsize must be 0"),
    "text": ({"text": True}, "text must be False"),
    "encoding": ({"encoding": "utf-8"}, "encoding must be None"),
    "errors": ({"errors": "strict"}, "errors must be None"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("start", ["exec", "shell"])
def test_text_is_refused(run, start, name):
    options, text = BAD[name]
    made = []

    async def main():
        loop = asyncio.get_running_loop()
        method = getattr(loop, f"subprocess_{start}")
        with pytest.raises(ValueError, match=re.escape(text)):
            await method(lambda: made.append(1), TRUE, **options)

    run(main)
    assert made == []


def test_a_shell_is_meant_by_the_name_of_the_method(run):
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(ValueError, match="shell must be False"):
            await loop.subprocess_exec(asyncio.SubprocessProtocol, TRUE, shell=True)
        with pytest.raises(ValueError, match="shell must be True"):
            await loop.subprocess_shell(asyncio.SubprocessProtocol, TRUE, shell=False)
        for line in ([TRUE], None, Path(TRUE)):
            with pytest.raises(ValueError, match="cmd must be a string"):
                await loop.subprocess_shell(asyncio.SubprocessProtocol, line)

    run(main)


@pytest.mark.parametrize(
    ("program", "options", "error"),
    [
        ("/no/such/program", {}, FileNotFoundError),
        ("/etc/passwd", {}, PermissionError),
        (TRUE, {"cwd": "/no/such/folder"}, FileNotFoundError),
        (TRUE, {"no_such_option": 1}, TypeError),
        (TRUE, {"preexec_fn": lambda: 1 / 0}, subprocess.SubprocessError),
        ("nul\0l", {}, ValueError),
    ],
)
def test_what_cannot_be_started_says_so_and_leaves_nothing(run, program, options, error):
    async def main():
        with pytest.raises(error):
            await asyncio.create_subprocess_exec(
                program, **{"stdin": PIPE, "stdout": PIPE, "stderr": PIPE, **options}
            )

    # That nothing is left is seen by the fixtures.
    run(main)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_what_is_no_pipe_is_seen_by_the_child(run):
    async def main():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import os, stat; print([stat.S_ISFIFO(os.fstat(n).st_mode) for n in (0, 1, 2)])",
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        return (await process.communicate())[0]

    # As for asyncio: no sockets, which some programs can't open again by their name.
    assert run(main) == b"[True, True, True]\n"


class Records(logging.Handler):
    def __init__(self):
        super().__init__(logging.DEBUG)
        self.messages = []

    def emit(self, record):
        self.messages.append((record.levelname, record.getMessage()))


@pytest.fixture
def debug_log():
    records = Records()
    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.addHandler(records)
    logger.setLevel(logging.DEBUG)
    yield records.messages
    logger.setLevel(level)
    logger.removeHandler(records)


def without_names(message):
    """Numbers differ from run to run, classes from loop to loop."""
    return re.sub(r"\d+", "N", re.sub(r"_Unix(\w+Transport)", r"\1", message))


def test_in_debug_mode_asyncio_logs_what_starts_and_ends(run, debug_log):
    async def main():
        process = await asyncio.create_subprocess_exec(TRUE, "secret", stdin=PIPE, stdout=PIPE)
        await process.communicate()
        process = await asyncio.create_subprocess_shell(
            "cat", stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
        )
        await process.communicate()

    run(main, debug=True)
    messages = [(level, without_names(text)) for level, text in debug_log]
    for expected in (
        ("DEBUG", "execute program '/bin/true' stdin=<pipe> stdout=<pipe>"),
        ("DEBUG", "process '/bin/true' created: pid N"),
        ("DEBUG", "run shell command 'cat' stdin=-N stdout=stderr=<pipe>"),
    ):
        assert expected in messages
    beginnings = {
        ("INFO", "execute program '/bin/true': <SubprocessTransport pid=N "),
        ("INFO", "run shell command 'cat': <SubprocessTransport pid=N "),
        ("DEBUG", "Read pipe N connected: (<ReadPipeTransport fd=N polling"),
        ("DEBUG", "Write pipe N connected: (<WritePipeTransport fd=N "),
        ("INFO", "<ReadPipeTransport fd=N polling> was closed by peer"),
    }
    for level, beginning in beginnings:
        assert any(entry[0] == level and entry[1].startswith(beginning) for entry in messages)
    ends = [text for level, text in messages if level == "INFO" and " exited with " in text]
    assert len(ends) == 2
    assert all(text.endswith("exited with return code N") for text in ends)
    assert "secret" not in str(messages)


def test_the_modes_of_files_are_those_of_the_mask(run, tmp_path):
    path = tmp_path / "cup"
    assert run(lambda: printed(f"touch {path}", umask=0o077)) == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
