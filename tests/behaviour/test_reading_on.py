"""Where more waits than was read: who comes in between, and what ends it."""

import asyncio
import socket

import pytest

LARGE = b"coffee" * 10_000
# Until then a loop has seen that looking for more is worth it.
MANY = 100


class Feeds(asyncio.Protocol, asyncio.DatagramProtocol):
    """Has the next piece sent to itself whenever one comes; `then` is called with each number."""

    def __init__(self, then):
        self.then = then
        self.count = 0

    def came(self):
        self.count += 1
        self.then(self.count)
        self.feed()

    def data_received(self, data):
        self.came()

    def datagram_received(self, data, addr):
        self.came()


@pytest.fixture(params=["stream", "large stream", "datagrams"])
def feeds(request, loop, link, endpoint):
    """Has a protocol fed by itself from now on."""

    def feeds(then):
        protocol = Feeds(then)
        if request.param == "datagrams":
            transport, _ = endpoint(protocol, local_addr=("127.0.0.1", 0))
            far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            far.connect(transport.get_extra_info("sockname"))
            request.addfinalizer(far.close)
            piece = b"coffee"
        else:
            transport, far = link(protocol)
            piece = LARGE if request.param == "large stream" else b"coffee"
        protocol.feed = lambda: far.send(piece)
        # The second always waits when the first has come.
        protocol.feed()
        protocol.feed()
        return transport

    return feeds


def test_what_is_made_ready_runs_before_more_is_read(feeds, loop, run_until_stopped):
    happened = []

    def then(number):
        happened.append(number)
        loop.call_soon(happened.append, -number)
        if number == MANY:
            loop.stop()

    feeds(then)
    run_until_stopped()
    expected = [entry for number in range(1, MANY + 1) for entry in (number, -number)]
    assert happened[: 2 * MANY - 1] == expected[: 2 * MANY - 1]


def test_a_stop_is_heard_before_more_is_read(feeds, loop, run_until_stopped):
    counts = []

    def then(number):
        counts.append(number)
        if number == MANY:
            loop.stop()

    feeds(then)
    run_until_stopped()
    assert counts[-1] == MANY


def test_who_never_ends_leaves_timers_their_time(feeds, loop):
    done = loop.create_future()

    def then(number):
        if number == MANY:
            loop.call_later(0, done.set_result, None)

    feeds(then)
    loop.run_until_complete(done)


def test_who_never_ends_leaves_other_connections_their_time(feeds, loop, link, Notes, until):
    other, far = link(Notes())

    def then(number):
        if number == MANY:
            far.send(b"tea")

    feeds(then)
    until_told = loop.create_future()
    other.get_protocol().data_received = until_told.set_result
    assert loop.run_until_complete(until_told) == b"tea"


def test_who_never_ends_leaves_threads_their_time(feeds, loop):
    done = loop.create_future()

    def then(number):
        if number == MANY:
            calling = loop.run_in_executor(
                None, loop.call_soon_threadsafe, done.set_result, None)
            calling.add_done_callback(lambda calling: None)

    feeds(then)
    loop.run_until_complete(done)
    loop.run_until_complete(loop.shutdown_default_executor())


@pytest.mark.parametrize("end", ["pause_reading", "close", "abort"])
def test_who_wants_no_more_gets_no_more(feeds, loop, turn, end):
    counts = []

    def then(number):
        counts.append(number)
        if number == MANY:
            if not hasattr(transport, end):
                # Datagrams know no pause.
                transport.close()
            else:
                getattr(transport, end)()
            loop.call_soon(loop.stop)

    transport = feeds(then)
    loop.run_forever()
    for _ in range(10):
        turn()
    assert counts[-1] == MANY


def test_an_error_in_between_is_reported_and_datagrams_go_on(loop, endpoint):
    reports = []
    loop.set_exception_handler(lambda loop, report: reports.append(report))

    class Fails(asyncio.DatagramProtocol):
        count = 0

        def datagram_received(self, data, addr):
            self.count += 1
            far.send(data)
            if self.count == MANY:
                raise LookupError(self.count)
            if self.count == 2 * MANY:
                loop.stop()

    transport, protocol = endpoint(Fails(), local_addr=("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.connect(transport.get_extra_info("sockname"))
        far.send(b"coffee")
        far.send(b"coffee")
        loop.run_forever()
    assert protocol.count == 2 * MANY
    assert [type(report["exception"]) for report in reports] == [LookupError]
