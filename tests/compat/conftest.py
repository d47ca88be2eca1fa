"""What the tests of real programs and libraries start from.

A library's test runs its servers and clients in this process, on the loop under test; a program
is a process of its own, as its users start it.  Nothing of either may be left behind: no task, no
descriptor, no warning.  What is waited for is a line, a byte or an end, never a time.
"""

import asyncio
import contextlib
import dataclasses
import importlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import trustme

# Limits against hanging, not expectations.
LIBRARY_LIMIT_SECONDS = 60
PROGRAM_LIMIT_SECONDS = 60

# Turns in which what a library has begun to end may come to its end.
LAST_TURNS = 20

# How a program that takes the name of a loop's factory is told which.
FACTORIES = {
    "asyncio": "asyncio:SelectorEventLoop",
    "cafeloop": "cafeloop:new_event_loop",
    "uvloop": "uvloop:new_event_loop",
}

# How a program that knows nothing of loops is started on each.
LAUNCHERS = {"asyncio": ["-m"], "cafeloop": ["-m", "cafeloop", "run", "-m"]}


@pytest.fixture(autouse=True)
def installed(loop_name):
    """Asyncio as its users find it who have installed the loop."""
    if loop_name != "cafeloop":
        yield
    else:
        package = importlib.import_module("cafeloop")
        package.install()
        yield
        package.uninstall()


@pytest.fixture
def run(new_loop):
    """As `asyncio.run` on the loop under test; a task that is left is a failure."""

    def run(main, *, debug=None):
        with asyncio.Runner(debug=debug, loop_factory=new_loop) as runner:
            result = runner.run(within_limit(main))
            left = runner.run(tasks_left())
            assert left == []
            return result

    return run


async def within_limit(main):
    async with asyncio.timeout(LIBRARY_LIMIT_SECONDS):
        return await main()


async def tasks_left():
    for _ in range(LAST_TURNS):
        await asyncio.sleep(0)
    return list(asyncio.all_tasks() - {asyncio.current_task()})


class Program:
    """A program that was started, and what it says on its standard error."""

    def __init__(self, arguments, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.said = []

    def line(self):
        """The next line that it prints."""
        return self.process.stdout.readline().rstrip("\n")

    def wait_for(self, pattern):
        """Reads what it says until something matches, and returns the match."""
        for line in self.process.stderr:
            self.said.append(line)
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"it ended without saying {pattern!r}:\n{''.join(self.said)}")

    def end(self):
        """Its exit code and what else it printed, once it has ended; it may have complained of
        nothing."""
        printed, said = self.process.communicate(timeout=PROGRAM_LIMIT_SECONDS)
        said = "".join(self.said) + said
        for complaint in ("Traceback", "Warning", "Exception ignored", "was never", "Unclosed"):
            assert complaint not in said, said
        return self.process.returncode, printed

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start_program(tmp_path):
    """Starts Python with arguments, in the test's own folder."""
    started = []

    def start_program(*arguments):
        program = Program(arguments, tmp_path)
        started.append(program)
        return program

    yield start_program
    for program in started:
        program.kill()


@pytest.fixture
def factory(loop_name):
    """The name of the loop's factory, as `module:name`."""
    return FACTORIES[loop_name]


@pytest.fixture
def launcher(loop_name):
    """Arguments of Python before a module's name, that run the module on the loop."""
    return LAUNCHERS[loop_name]


class Certificate:
    """A certificate for this machine, and the authority that its clients trust."""

    def __init__(self, folder):
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        self.key, self.chain = folder / "server.key", folder / "server.pem"
        issued.private_key_pem.write_to_path(self.key)
        for blob in issued.cert_chain_pems:
            blob.write_to_path(self.chain, append=True)
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issued.configure_cert(self.server)
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("certificate"))


def program(name, package):
    """A program of the machine's, or the one line that says how to get it."""
    debians = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (debians and debians[-1])
    if not found:
        pytest.fail(f"{name} isn't on PATH: install Debian's {package}, or run make compat as root",
                    pytrace=False)
    return found


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def started(command, ready, **options):
    """A server, from the line that says that it is ready to the end of the tests."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", **options
    ) as process:
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if ready in line:
                    break
            else:
                pytest.fail(f"{command[0]} ended:\n{''.join(said)}", pytrace=False)
            # What else it says is nobody's business, and must not fill the pipe.
            threading.Thread(target=process.stdout.read).start()
            yield
        finally:
            # On SIGTERM PostgreSQL would wait for its clients.
            process.send_signal(signal.SIGINT)


@dataclasses.dataclass
class Database:
    folder: str
    port: int


@pytest.fixture(scope="session")
def postgres(certificate):
    """A PostgreSQL of the tests' own, reached by its folder or by its port."""
    initdb, server = program("initdb", "postgresql"), program("postgres", "postgresql")
    # It refuses to be root's, and nobody else may enter pytest's folder.
    owner = {"user": "nobody"} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="cafe") as folder:
        if owner:
            shutil.chown(folder, **owner)
        data = f"{folder}/data"
        subprocess.run(
            [initdb, "--username=barista", "--auth=trust", "--no-sync", data],
            check=True, capture_output=True, cwd=folder, **owner,
        )
        for file, name in ((certificate.key, "server.key"), (certificate.chain, "server.crt")):
            copy = shutil.copy(file, f"{data}/{name}")
            os.chmod(copy, 0o600)
            if owner:
                shutil.chown(copy, **owner)
        port = unused_port()
        settings = {
            "unix_socket_directories": folder, "listen_addresses": "127.0.0.1", "port": port,
            "fsync": "off", "ssl": "on",
        }
        options = [part for item in settings.items() for part in ("-c", "%s=%s" % item)]
        ready = "ready to accept connections"
        with started([server, "-D", data, *options], ready, cwd=folder, **owner):
            yield Database(folder, port)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """A Redis of the tests' own."""
    folder = tmp_path_factory.mktemp("redis")
    port = unused_port()
    command = [
        program("redis-server", "redis-server"), "--port", f"{port}", "--bind", "127.0.0.1",
        "--unixsocket", f"{folder}/socket", "--save", "", "--appendonly", "no",
    ]
    with started(command, "Ready to accept connections", cwd=folder):
        yield Database(str(folder), port)
