"""Twenty requests to a server that takes its time: one after another, and together."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytestmark = pytest.mark.slow

REQUESTS = 20
ANSWERED_AFTER_SECONDS = 0.2

ONE_AFTER_ANOTHER = """\
import sys, urllib.request
def order(number):
    with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/coffee/{number}") as answer:
        assert answer.read() == b"Latte"
def main():
    for number in range(20):
        order(number)
main()
"""

TOGETHER = """\
import asyncio, sys
async def order(number):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    writer.write(f"GET /coffee/{number} HTTP/1.0\\r\\n\\r\\n".encode())
    answer = await reader.read()
    assert answer.endswith(b"Latte")
    writer.close()
    await writer.wait_closed()
async def main():
    await asyncio.gather(*[order(number) for number in range(20)])
asyncio.run(main())
"""


class Barista(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(ANSWERED_AFTER_SECONDS)
        # In one piece, or whoever reads it may wait twice.
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nLatte")

    def log_message(self, *_):
        pass


class Cafe(ThreadingHTTPServer):
    # Everybody comes at once.
    request_queue_size = REQUESTS


@pytest.fixture
def port():
    with Cafe(("127.0.0.1", 0), Barista) as cafe:
        serving = threading.Thread(target=cafe.serve_forever)
        serving.start()
        yield str(cafe.server_port)
        cafe.shutdown()
        serving.join()


def test_requests_one_after_another_are_told_to_be_and_what_they_would_save(record, port):
    flow = record(ONE_AFTER_ANOTHER, port)
    # On a busy machine one may be seen to wait twice: for its connection, too.
    assert flow.sites().keys() == {("order", 3)}
    assert REQUESTS <= flow.sites()["order", 3] <= 2 * REQUESTS
    assert flow.findings == ["sequential-waits"]
    (finding,) = flow.run.findings
    assert (finding.place.function, finding.place.line) == ("order", 3)
    # All but one of the waits, none of which is shorter than the server takes.
    assert finding.cost_ns > (REQUESTS - 2) * ANSWERED_AFTER_SECONDS * 1e9
    assert flow.run.overlap < 1.01


def test_requests_together_overlap(record, port):
    flow = record(TOGETHER, port)
    assert "sequential-waits" not in flow.findings
    # Who reads to the end may wait twice: for the answer, and for the end behind it.
    assert REQUESTS <= flow.sites()["order", 5] <= 2 * REQUESTS
    # A busy machine makes them connect one by one, which takes a fraction of the wait.
    assert REQUESTS / 2 < flow.run.overlap <= REQUESTS
