"""A service under load, recorded in a ring: dumped when a signal asks for it, and drawn."""

import http.client
import json
import signal
import subprocess
import sys
import threading

import pytest

pytestmark = pytest.mark.slow

# A limit against hanging, not an expectation.
LIMIT_SECONDS = 60

CLIENTS = 10
REQUESTS = 30

APPLICATION = """\
import asyncio, signal, time
import cafeloop
recording = cafeloop.record("service.flow", "ring", dump_signal=signal.SIGUSR2, **OPTIONS)
recording.start()
async def app(scope, receive, send):
    if scope["type"] == "http":
        await PATHS[scope["path"]]()
        length = (b"content-length", b"5")
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": b"latte"})
async def make_coffee():
    await asyncio.sleep(0.002)
async def serve_regular():
    grind_beans()
def grind_beans():
    time.sleep(0.12)
PATHS = {"/latte": make_coffee, "/regular": serve_regular}
"""
WAITING_LINE, BLOCKING_LINE = 12, 16


@pytest.fixture
def loop_name():
    # It is this one that records.
    return "cafeloop"


class Service:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.port = int(program.wait_for(r"running on http://127\.0\.0\.1:(\d+)")[1])

    def request(self, *paths):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        for path in paths:
            connection.request("GET", path)
            assert connection.getresponse().read() == b"latte"
        connection.close()

    def load(self):
        """Many clients at once, each with one request after another."""
        answered = []

        def order():
            self.request(*["/latte"] * REQUESTS)
            answered.append(True)

        clients = [threading.Thread(target=order) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert len(answered) == CLIENTS

    def dump(self):
        self.program.process.send_signal(signal.SIGUSR2)
        # Before the next request is answered, the signal is.
        self.request("/latte")

    def draw(self, *arguments):
        process = subprocess.run(
            [sys.executable, "-m", "cafeloop", "flow", *arguments, "service.flow"],
            cwd=self.folder, capture_output=True, encoding="utf-8", timeout=LIMIT_SECONDS,
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    def read(self):
        return json.loads(self.draw("--json", "-"))


@pytest.fixture
def start(start_program, factory, tmp_path):
    def start(**options):
        (tmp_path / "cafe.py").write_text(APPLICATION.replace("**OPTIONS", f"**{options}"))
        command = ("uvicorn", "cafe:app", "--port", "0", "--no-access-log", "--lifespan", "off")
        program = start_program("-m", *command, "--loop", factory)
        return Service(program, tmp_path)

    return start


def test_a_service_under_load_is_drawn_when_a_signal_asks_for_it(start):
    service = start()
    service.load()
    service.dump()
    run = service.read()
    assert (run["mode"], run["dropped"], run["warnings"]) == ("ring", 0, [])
    requests = [task for task in run["tasks"] if task["label"].endswith("run_asgi")]
    assert len(requests) == CLIENTS * REQUESTS
    assert {task["end"] for task in requests} == {"returned"}
    waits = {(wait["function"], wait["line"], wait["for"]): wait for wait in run["waits"]}
    assert waits["make_coffee", WAITING_LINE, "sleep"]["count"] == CLIENTS * REQUESTS
    # No server ticks in a line of the reader's.
    assert "sequential-waits" not in [finding["name"] for finding in run["findings"]]
    picture = service.draw()
    assert picture.startswith("uvicorn cafe:app ")
    assert f"{CLIENTS * REQUESTS} × RequestResponseCycle.run_asgi" in picture
    # Those of before go on, and the ring with them.
    service.load()
    service.dump()
    assert len(service.read()["tasks"]) > len(run["tasks"]) + CLIENTS * REQUESTS - 1


def test_a_handler_that_blocks_is_named_by_its_line(start):
    service = start()
    service.request("/regular", "/latte", "/regular", "/regular")
    service.dump()
    run = service.read()
    blocks = [finding for finding in run["findings"] if finding["name"] == "blocked-loop"]
    places = [(block["place"]["function"], block["place"]["line"]) for block in blocks]
    assert ("grind_beans", BLOCKING_LINE) in places
    assert f"grind_beans (cafe.py:{BLOCKING_LINE}) held the loop" in service.draw()


def test_a_ring_that_is_too_small_shows_the_newest_requests(start):
    service = start(ring_bytes=1 << 14)
    service.load()
    service.dump()
    run = service.read()
    assert run["dropped"] > 0
    for task in run["tasks"]:
        assert all(0 <= it["from_ns"] <= it["to_ns"] <= run["wall_ns"] for it in task["intervals"])
    assert "RequestResponseCycle.run_asgi" in service.draw()
