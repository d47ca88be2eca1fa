"""Protocols that fail, and networks that do: who is told, and what becomes of the connection."""

import asyncio
import os
import socket
import struct
import sys

import pytest


@pytest.fixture
def reports(loop):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    return reports


@pytest.mark.parametrize("error", [LookupError("no cups"), asyncio.CancelledError()])
def test_a_protocol_that_fails_to_take_data_loses_its_connection(
    link, until, reports, Notes, error
):
    class Failing(Notes):
        def data_received(self, _data):
            raise error

    protocol = Failing()
    transport, far = link(protocol)
    far.send(b"coffee")
    until(lambda: protocol.is_lost)
    (report,) = reports
    assert report["message"] == "Fatal error: protocol.data_received() call failed."
    assert report["exception"] is error
    assert (report["transport"], report["protocol"]) == (transport, protocol)
    assert protocol.told == ["made", ("lost", type(error))]


def test_a_protocol_that_fails_at_the_end_loses_its_connection(link, until, reports, Notes):
    class Failing(Notes):
        def eof_received(self):
            raise LookupError("no cups")

    protocol = Failing()
    _, far = link(protocol)
    far.shutdown(socket.SHUT_WR)
    until(lambda: protocol.is_lost)
    (report,) = reports
    assert report["message"] == "Fatal error: protocol.eof_received() call failed."
    assert protocol.told == ["made", ("lost", LookupError)]


@pytest.mark.parametrize("method", ["connection_made", "connection_lost"])
def test_a_failure_to_be_connected_or_lost_is_reported(
    link, loop, until, reports, Notes, method
):
    class Failing(Notes):
        pass

    def fail(self, argument):
        getattr(Notes, method)(self, argument)
        raise LookupError("no cups")

    setattr(Failing, method, fail)
    protocol = Failing()
    transport, far = link(protocol)
    transport.close()
    until(lambda: protocol.is_lost)
    (report,) = reports
    assert isinstance(report["exception"], LookupError)
    assert "Exception in callback" in report["message"]
    # The socket is closed all the same.
    assert far.recv(1) == b""


# asyncio has made its transport by then, which warns.
@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
@pytest.mark.parametrize("thing", [None, 5, object()])
def test_what_is_no_protocol_is_refused(loop, thing):
    near, far = socket.socketpair()
    with near, far:
        with pytest.raises(AttributeError, match="connection_made"):
            loop.run_until_complete(loop.create_connection(lambda: thing, sock=near))
        # The loop goes on, and so does who came for another reason.
        assert loop.run_until_complete(asyncio.sleep(0, "coffee")) == "coffee"


class Halves:
    """A protocol with nothing but a beginning."""

    def connection_made(self, transport):
        pass


def test_what_a_protocol_lacks_is_reported(link, until, reports):
    transport, far = link(Halves())
    far.send(b"coffee")
    until(lambda: transport.get_protocol() is None)
    taking, losing = reports
    assert taking["message"] == "Fatal error: protocol.data_received() call failed."
    assert "data_received" in str(taking["exception"])
    assert losing["message"].startswith("Exception in callback ")
    assert "connection_lost" in str(losing["exception"])
    assert far.recv(1) == b""


def test_a_pipes_protocol_without_an_end_is_reported(loop, until, reports):
    class Endless(Halves):
        def connection_lost(self, error):
            pass

    reading, writing = (open(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb")))
    making = loop.connect_read_pipe(Endless, reading)
    transport, _ = loop.run_until_complete(making)
    writing.close()
    until(lambda: reports)
    (report,) = reports
    assert report["message"].startswith("Exception in callback ")
    assert "eof_received" in str(report["exception"])
    # Nobody else is going to.
    transport._call_connection_lost(None)


def test_a_socket_that_is_closed_when_its_connection_is_made_is_reported(link, until, reports):
    class Closing(Halves):
        def connection_made(self, transport):
            transport.get_extra_info("socket")._sock.close()

    transport, _ = link(Closing())
    until(lambda: reports)
    reports.clear()
    transport.close()
    until(lambda: transport.get_protocol() is None)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exit_in_a_protocol_leaves_the_loop_and_not_the_connection(
    link, loop, until, reports, Notes, error
):
    class Leaving(Notes):
        def data_received(self, data):
            super().data_received(data)
            if data == b"leave":
                raise error

    protocol = Leaving()
    _, far = link(protocol)
    far.send(b"leave")
    with pytest.raises(error):
        until(lambda: protocol.is_lost)
    far.send(b"coffee")
    until(lambda: protocol.received == b"leavecoffee")
    assert reports == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exit_at_the_end_closes_the_connection(link, until, reports, Notes, error):
    class Leaving(Notes):
        def connection_lost(self, cause):
            super().connection_lost(cause)
            raise error

    protocol = Leaving()
    transport, far = link(protocol)
    transport.close()
    with pytest.raises(error):
        until(lambda: protocol.is_lost)
    assert far.recv(1) == b""
    assert reports == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exit_when_told_to_pause_is_raised_to_who_writes(link, until, reports, Notes, error):
    class Leaving(Notes):
        def pause_writing(self):
            raise error

    protocol = Leaving()
    transport, _ = link(protocol)
    with pytest.raises(error):
        transport.write(bytes(1 << 22))
    transport.abort()
    until(lambda: protocol.is_lost)
    assert reports == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exit_at_the_end_of_input_leaves_the_loop(link, until, reports, Notes, error):
    class Leaving(Notes):
        count = 0

        def eof_received(self):
            self.count += 1
            if self.count == 1:
                raise error

    protocol = Leaving()
    _, far = link(protocol)
    far.shutdown(socket.SHUT_WR)
    with pytest.raises(error):
        until(lambda: protocol.is_lost)
    until(lambda: protocol.is_lost)
    assert (protocol.count, reports) == (2, [])


def test_an_abort_after_a_write_that_failed_is_none(link, loop, until, Notes):
    """The second write of a turn may be put off, but not its error."""
    protocol = Notes()
    transport, far = link(protocol)

    def act():
        transport.write(b"coffee")
        far.close()
        transport.write(b"tea")
        transport.abort()

    loop.call_soon(act)
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", ("lost", BrokenPipeError)]


def test_what_was_written_before_an_exit_is_sent(link, loop, until, receive, Notes):
    class Leaving(Notes):
        def data_received(self, _data):
            for _ in range(3):
                self.transport.write(b"coffee")
            raise KeyboardInterrupt

    protocol = Leaving()
    _, far = link(protocol)
    far.send(b"!")
    with pytest.raises(KeyboardInterrupt):
        until(lambda: protocol.is_lost)
    assert receive(far) == b"coffee" * 3


def reset(sock):
    """Closes a TCP socket so that the other side is told of an error."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def nothing(_transport):
    pass


def many_writes(transport):
    for _ in range(3):
        transport.write(b"coffee")


@pytest.mark.parametrize(
    "state",
    [
        nothing,
        many_writes,
        lambda transport: transport.write(bytes(1 << 24)),
        lambda transport: (transport.write(bytes(1 << 24)), transport.close()),
        lambda transport: (transport.write(bytes(1 << 24)), transport.write_eof()),
        lambda transport: transport.write_eof(),
        lambda transport: transport.close(),
        lambda transport: (transport.pause_reading(), transport.write(bytes(1 << 24))),
    ],
    ids=["idle", "writing", "full", "closing", "ending", "ended", "closed", "paused"],
)
def test_a_reset_ends_the_connection_in_every_state(
    link, until, tcp_pair, reports, Notes, state
):
    protocol = Notes()
    transport, far = link(protocol, pair=tcp_pair)
    state(transport)
    reset(far)
    until(lambda: protocol.is_lost)
    # A network's error is no news.
    assert reports == []
    assert protocol.told[-1] in [
        ("lost", type(None)),
        ("lost", ConnectionResetError),
        ("lost", BrokenPipeError),
    ]


def test_a_reset_is_told_with_its_number(link, until, tcp_pair, Notes):
    errors = []

    class Keeping(Notes):
        def connection_lost(self, error):
            errors.append(error)
            super().connection_lost(error)

    protocol = Keeping()
    transport, far = link(protocol, pair=tcp_pair)
    reset(far)
    until(lambda: protocol.is_lost)
    (error,) = errors
    assert isinstance(error, ConnectionResetError)
    assert (error.errno, error.strerror) == (104, "Connection reset by peer")


def test_writes_to_a_lost_connection_are_logged_from_the_fifth_on(link, until, log, Notes):
    protocol = Notes()
    transport, _ = link(protocol)
    transport.abort()
    for _ in range(4):
        transport.write(b"coffee")
    assert log.take() == []
    transport.write(b"coffee")
    assert log.take_one().getMessage() == "socket.send() raised exception."
    until(lambda: protocol.is_lost)


# Older versions of asyncio keep what nobody will send, and say nothing.
@pytest.mark.parametrize("loop_name", ["cafeloop", *["asyncio"] * (sys.version_info >= (3, 14))])
def test_lines_for_a_lost_connection_are_logged_as_well(link, until, log, Notes):
    protocol = Notes()
    transport, _ = link(protocol)
    transport.abort()
    for _ in range(4):
        transport.writelines([b"coffee"])
    assert log.take() == []
    transport.writelines([b"coffee", b"tea"])
    assert log.take_one().getMessage() == "socket.send() raised exception."
    until(lambda: protocol.is_lost)


def test_in_debug_mode_slow_protocols_are_named(loop, link, until, log, Notes):
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    protocol = Notes()
    _, far = link(protocol)
    log.take()
    far.send(b"coffee")
    until(lambda: protocol.received)
    assert any("Executing" in record.getMessage() for record in log.take())
    loop.slow_callback_duration = 60
    loop.set_debug(False)
