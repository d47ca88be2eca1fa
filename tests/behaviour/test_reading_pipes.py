"""Pipes that a loop reads: what their protocols are told, when, and how they end."""

import asyncio
import errno
import gc
import os
import pty
import socket
import tty
import warnings

import pytest

REFUSED = "Pipe transport is for pipes/sockets only."


def plain():
    reading, writing = os.pipe()
    return open(reading, "rb", 0), open(writing, "wb", 0)


def buffered():
    reading, writing = os.pipe()
    return open(reading, "rb"), open(writing, "wb", 0)


def of_text():
    reading, writing = os.pipe()
    return open(reading, encoding="utf-8"), open(writing, "wb", 0)


def of_sockets():
    near, far = socket.socketpair()
    return near, open(far.detach(), "wb", 0)


PIPES = [plain, buffered, of_text, of_sockets]


def terminal():
    master, slave = pty.openpty()
    tty.setraw(slave)
    return open(master, "rb", 0), open(slave, "wb", 0)


@pytest.fixture
def reports(loop):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    return reports


@pytest.fixture
def connect(loop, until):
    """Has a protocol read one end of a pipe, and gives the other; ends what is left of it."""
    made = []

    def connect(protocol, make=plain):
        near, far = make()
        transport, connected = loop.run_until_complete(
            loop.connect_read_pipe(lambda: protocol, near)
        )
        assert connected is protocol
        made.append((transport, far))
        return transport, far

    yield connect
    for transport, far in made:
        transport.close()
        far.close()
        until(lambda transport=transport: transport.get_protocol() is None)


@pytest.mark.parametrize("make", PIPES)
def test_what_is_written_arrives_and_then_the_end(connect, until, Notes, LOST, make):
    protocol = Notes()
    transport, far = connect(protocol, make)
    far.write(b"coffee")
    until(lambda: protocol.received)
    assert not transport.is_closing()
    far.close()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", b"coffee", "eof", LOST]
    assert transport.is_closing()
    with pytest.raises((ValueError, OSError)):
        os.fstat(transport.get_extra_info("pipe").fileno())


def test_a_named_pipe_is_read(loop, until, tmp_path, Notes, LOST):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    near = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", 0)
    protocol = Notes()
    with open(path, "wb", 0) as far:
        loop.run_until_complete(loop.connect_read_pipe(lambda: protocol, near))
        far.write(b"coffee")
        until(lambda: protocol.received == b"coffee")
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", b"coffee", "eof", LOST]


def test_a_terminal_ends_with_an_error_that_is_no_news(
    connect, loop, run_until_stopped, reports, Notes
):
    class Stopping(Notes):
        # What goes through a terminal takes the kernel some time.
        def data_received(self, data):
            super().data_received(data)
            if self.received == b"coffee":
                loop.stop()

        def connection_lost(self, error):
            super().connection_lost(error)
            loop.stop()

    protocol = Stopping()
    _, far = connect(protocol, terminal)
    far.write(b"coffee")
    run_until_stopped()
    assert protocol.received == b"coffee"
    far.close()
    run_until_stopped()
    assert protocol.told[-1] == ("lost", OSError)
    assert reports == []


def test_another_error_is_reported_and_ends_it(loop, until, reports, Notes):
    reading, writing = os.pipe()
    os.close(reading)
    protocol = Notes()
    # A side that is only written to can't be read.
    near = open(writing, "wb", 0)
    transport, _ = loop.run_until_complete(loop.connect_read_pipe(lambda: protocol, near))
    until(lambda: protocol.is_lost)
    (report,) = reports
    assert report["message"] == "Fatal read error on pipe transport"
    assert report["exception"].errno == errno.EBADF
    assert (report["transport"], report["protocol"]) == (transport, protocol)
    assert protocol.told == ["made", ("lost", OSError)]


@pytest.mark.parametrize("size", [1, 32767, 32768, 65536, 262144, 262145, 1 << 20])
def test_reads_of_every_size_are_whole(connect, until, Notes, size):
    protocol = Notes()
    _, far = connect(protocol)
    os.set_blocking(far.fileno(), False)
    data = os.urandom(size)
    sent = 0

    def is_there():
        nonlocal sent
        sent += far.write(data[sent:]) or 0
        return len(protocol.received) == size

    until(is_there)
    assert protocol.received == data


def test_nothing_comes_while_it_is_paused(connect, turn, until, Notes, LOST):
    protocol = Notes()
    transport, far = connect(protocol)
    assert transport.is_reading()
    transport.pause_reading()
    transport.pause_reading()
    assert not transport.is_reading()
    far.write(b"coffee")
    far.close()
    for _ in range(3):
        turn()
    assert protocol.told == ["made"]
    transport.resume_reading()
    assert transport.is_reading()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", b"coffee", "eof", LOST]
    transport.resume_reading()
    assert not transport.is_reading()


def test_it_may_be_paused_before_it_is_read(connect, turn, until, Notes):
    class Pausing(Notes):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()

    protocol = Pausing()
    transport, far = connect(protocol)
    far.write(b"coffee")
    for _ in range(3):
        turn()
    assert protocol.received == b""
    transport.resume_reading()
    until(lambda: protocol.received == b"coffee")


def test_closing_it_leaves_what_was_not_read(connect, turn, until, Notes, LOST):
    protocol = Notes()
    transport, far = connect(protocol)
    far.write(b"coffee")
    transport.close()
    transport.close()
    assert (transport.is_closing(), transport.is_reading()) == (True, False)
    until(lambda: protocol.is_lost)
    turn()
    assert protocol.told == ["made", LOST]
    with pytest.raises(BrokenPipeError):
        far.write(b"coffee")


def test_it_may_be_closed_when_it_is_connected(connect, until, Notes, LOST):
    class Closing(Notes):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.close()

    protocol = Closing()
    connect(protocol)
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", LOST]


@pytest.mark.parametrize("error", [LookupError("no cups"), asyncio.CancelledError()])
def test_data_that_a_protocol_fails_to_take_is_reported_and_the_next_comes(
    connect, until, reports, Notes, error
):
    class Failing(Notes):
        def data_received(self, data):
            super().data_received(data)
            if data == b"tea":
                raise error

    protocol = Failing()
    _, far = connect(protocol)
    far.write(b"tea")
    until(lambda: reports)
    (report,) = reports
    assert report["message"].startswith("Exception in callback ")
    assert report["exception"] is error
    far.write(b"coffee")
    until(lambda: protocol.told == ["made", b"tea", b"coffee"])


@pytest.mark.parametrize("method", ["connection_made", "eof_received", "connection_lost"])
def test_other_failures_of_a_protocol_are_reported_and_it_ends(
    connect, until, reports, Notes, method
):
    class Failing(Notes):
        pass

    def fail(self, *args):
        getattr(Notes, method)(self, *args)
        raise LookupError("no cups")

    setattr(Failing, method, fail)
    protocol = Failing()
    transport, far = connect(protocol)
    far.close()
    until(lambda: protocol.is_lost)
    (report,) = reports
    assert isinstance(report["exception"], LookupError)
    assert "Exception in callback" in report["message"]
    assert transport.get_extra_info("pipe").closed


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exit_in_a_protocol_leaves_the_loop_and_not_the_pipe(
    connect, until, reports, Notes, error
):
    class Leaving(Notes):
        def data_received(self, data):
            super().data_received(data)
            if data == b"leave":
                raise error

    protocol = Leaving()
    _, far = connect(protocol)
    far.write(b"leave")
    with pytest.raises(error):
        until(lambda: protocol.is_lost)
    far.write(b"coffee")
    until(lambda: protocol.received == b"leavecoffee")
    assert reports == []


def test_what_is_no_pipe_is_refused_and_stays_open(loop, tmp_path):
    path = tmp_path / "menu"
    path.write_bytes(b"coffee")
    with open(path, "rb") as file:
        with pytest.raises(ValueError, match=REFUSED):
            loop.run_until_complete(loop.connect_read_pipe(asyncio.Protocol, file))
        gc.collect()
        assert file.read() == b"coffee"


# asyncio's transport warns of itself then, with an exception.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_closed_pipe_is_refused(loop):
    near, far = plain()
    near.close()
    far.close()
    with pytest.raises(ValueError, match="closed file"):
        loop.run_until_complete(loop.connect_read_pipe(asyncio.Protocol, near))


def test_it_knows_its_pipe_and_has_it_not_block(connect, Notes):
    protocol = Notes()
    transport, _ = connect(protocol)
    pipe = transport.get_extra_info("pipe")
    assert not os.get_blocking(pipe.fileno())
    assert f"fd={pipe.fileno()}" in repr(transport)
    assert isinstance(transport, asyncio.ReadTransport)
    assert not isinstance(transport, asyncio.WriteTransport)


def test_another_protocol_is_told_what_comes_after(connect, until, Notes):
    before, after = Notes(), Notes()
    transport, far = connect(before)
    far.write(b"coffee")
    until(lambda: before.received == b"coffee")
    transport.set_protocol(after)
    assert transport.get_protocol() is after
    far.write(b"tea")
    far.close()
    until(lambda: after.is_lost)
    assert before.told == ["made", b"coffee"]
    assert after.received == b"tea"


def test_its_methods_may_be_replaced(connect, Notes):
    transport, _ = connect(Notes())
    asked = []
    for name in ("pause_reading", "resume_reading", "is_reading", "get_protocol"):
        kept = getattr(transport, name)
        setattr(transport, name, lambda name=name: asked.append(name))
        getattr(transport, name)()
        setattr(transport, name, kept)
    assert asked == ["pause_reading", "resume_reading", "is_reading", "get_protocol"]


def test_one_that_nobody_closes_is_warned_of_and_closed(loop, Notes):
    near, far = plain()
    with far:
        made = loop.connect_read_pipe(asyncio.Protocol, near)
        transport = loop.run_until_complete(made)[0]
        # So that the loop doesn't hold it.
        transport.pause_reading()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport
            gc.collect()
        (warning,) = caught
        assert warning.category is ResourceWarning
        assert "unclosed transport" in str(warning.message)
        assert near.closed


def test_one_that_is_not_waited_for_is_closed(loop, until, Notes, LOST):
    near, far = plain()
    protocol = Notes()
    with far:
        task = loop.create_task(loop.connect_read_pipe(lambda: protocol, near))
        loop.call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        until(lambda: protocol.is_lost)
        assert protocol.told == ["made", LOST]
        assert near.closed


def test_streams_read_it(loop):
    near, far = plain()

    async def read():
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), near
        )
        far.write(b"coffee\ntea")
        lines = [await reader.readline()]
        far.close()
        lines.append(await reader.readline())
        transport.close()
        return lines

    assert loop.run_until_complete(read()) == [b"coffee\n", b"tea"]


def test_a_device_that_is_always_ready_is_no_pipe_to_wait_for(loop, until, reports, Notes):
    protocol = Notes()
    near = open(os.devnull, "rb", 0)
    transport, _ = loop.run_until_complete(loop.connect_read_pipe(lambda: protocol, near))
    until(lambda: reports)
    assert isinstance(reports[0]["exception"], PermissionError)
    transport.close()
    until(lambda: protocol.is_lost)


# asyncio goes by the number, and lets go of whoever has it next.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
@pytest.mark.parametrize("make", [plain, buffered, of_text])
def test_the_next_owner_of_a_number_is_let_alone(connect, until, turn, Notes, LOST, make):
    stale = Notes()
    transport, far = connect(stale, make)
    pipe = transport.get_extra_info("pipe")
    number = pipe.fileno()
    reading, writing = os.pipe()
    pipe.close()
    os.dup2(reading, number)
    os.close(reading)
    protocol = Notes()
    fresh, far = connect(protocol, lambda: (open(number, "rb", 0), open(writing, "wb", 0)))
    transport.pause_reading()
    transport.close()
    until(lambda: stale.is_lost)
    assert stale.told == ["made", LOST]
    far.write(b"coffee")
    until(lambda: protocol.received == b"coffee")
    assert not fresh.is_closing()
