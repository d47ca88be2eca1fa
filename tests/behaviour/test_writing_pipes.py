"""Pipes that a loop writes to: what is sent when, who waits for whom, and how they end."""

import asyncio
import contextlib
import fcntl
import gc
import os
import pty
import socket
import tty
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REFUSED = "Pipe transport is only for pipes, sockets and character devices"
TOO_LATE = "pipe closed by peer or os.write(pipe, data) raised exception."

# More than any pipe holds.
MUCH = bytes(1 << 20)


def plain():
    reading, writing = os.pipe()
    return open(writing, "wb", 0), reading


def buffered():
    reading, writing = os.pipe()
    return open(writing, "wb"), reading


def of_sockets():
    near, far = socket.socketpair()
    return near, far.detach()


def terminal():
    master, slave = pty.openpty()
    tty.setraw(slave)
    return open(slave, "wb", 0), master


PIPES = [plain, buffered, of_sockets]


def narrow():
    """A pipe of one page, the least there is."""
    near, far = plain()
    fcntl.fcntl(far, fcntl.F_SETPIPE_SZ, 1)
    return near, far


@pytest.fixture
def reports(loop):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    return reports


@pytest.fixture
def connect(loop, until):
    """Has a protocol write to one end of a pipe, and gives the number of the other; ends what
    is left of it.
    """
    made = []

    def connect(protocol, make=plain):
        near, far = make()
        os.set_blocking(far, False)
        transport, connected = loop.run_until_complete(
            loop.connect_write_pipe(lambda: protocol, near)
        )
        assert connected is protocol
        made.append((transport, far))
        return transport, far

    yield connect
    for transport, far in made:
        # Some asyncios end a pipe twice when it is aborted after its end.
        if transport.get_protocol() is not None:
            transport.abort()
        until(lambda transport=transport: transport.get_protocol() is None)
        with contextlib.suppress(OSError):
            os.close(far)


def read(far):
    """All that has come."""
    received = bytearray()
    with contextlib.suppress(BlockingIOError):
        while data := os.read(far, 1 << 20):
            received += data
    return bytes(received)


def is_at_its_end(far):
    try:
        return os.read(far, 1) == b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize("make", PIPES)
def test_what_is_written_is_there_at_once(connect, until, Notes, LOST, make):
    protocol = Notes()
    transport, far = connect(protocol, make)
    transport.write(b"coffee")
    assert read(far) == b"coffee"
    transport.write(b"")
    transport.close()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", LOST]
    assert is_at_its_end(far)


def test_what_is_written_comes_out_of_a_terminal(connect, Notes):
    transport, far = connect(Notes(), terminal)
    # What goes through a terminal takes the kernel some time.
    os.set_blocking(far, True)
    transport.write(b"coffee")
    assert os.read(far, 6) == b"coffee"


def test_each_write_is_sent_at_once_and_others_writes_come_between(connect, loop, turn, Notes):
    transport, far = connect(Notes())
    number = transport.get_extra_info("pipe").fileno()

    def write():
        for _ in range(3):
            transport.write(b"latte ")
            os.write(number, b"mocha ")

    loop.call_soon(write)
    turn()
    assert read(far) == b"latte mocha " * 3


def test_each_write_is_a_packet_where_a_pipe_has_packets(connect, loop, turn, Notes):
    def of_packets():
        reading, writing = os.pipe2(os.O_DIRECT)
        return open(writing, "wb", 0), reading

    transport, far = connect(Notes(), of_packets)

    def write():
        for coffee in (b"latte", b"mocha", b"flat white"):
            transport.write(coffee)

    loop.call_soon(write)
    turn()
    assert [os.read(far, 100) for _ in range(3)] == [b"latte", b"mocha", b"flat white"]


def test_a_writer_pauses_while_the_kernel_is_full(connect, until, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    transport.set_write_buffer_limits(high=100_000, low=50_000)
    assert transport.get_write_buffer_limits() == (50_000, 100_000)
    transport.write(MUCH)
    assert protocol.told == ["made", "pause"]
    assert transport.get_write_buffer_size() > 100_000
    received = b""

    def is_resumed():
        nonlocal received
        received += read(far)
        return "resume" in protocol.told

    until(is_resumed)
    assert transport.get_write_buffer_size() <= 50_000
    until(lambda: is_resumed() and len(received) == len(MUCH))
    assert protocol.told == ["made", "pause", "resume"]


def test_limits_apply_at_once(connect, Notes):
    protocol = Notes()
    transport, _ = connect(protocol)
    assert transport.get_write_buffer_limits() == (16384, 65536)
    transport.set_write_buffer_limits(high=len(MUCH))
    transport.write(MUCH)
    assert protocol.told == ["made"]
    transport.set_write_buffer_limits(high=0)
    assert protocol.told == ["made", "pause"]
    with pytest.raises(ValueError, match="must be >= low"):
        transport.set_write_buffer_limits(high=1, low=2)


def test_what_was_written_is_sent_before_it_is_closed(connect, until, Notes, LOST):
    protocol = Notes()
    transport, far = connect(protocol)
    transport.write(MUCH)
    transport.write(b"the end")
    transport.close()
    transport.close()
    assert transport.is_closing()
    received = b""

    def is_over():
        nonlocal received
        received += read(far)
        return protocol.is_lost

    until(is_over)
    received += read(far)
    assert received == MUCH + b"the end"
    assert is_at_its_end(far)
    assert protocol.told == ["made", "pause", "resume", LOST]


def test_the_end_of_writing_is_the_end(connect, until, Notes, LOST):
    protocol = Notes()
    transport, far = connect(protocol)
    assert transport.can_write_eof()
    transport.write(b"coffee")
    transport.write_eof()
    transport.write_eof()
    assert transport.is_closing()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", LOST]
    assert read(far) == b"coffee"
    assert is_at_its_end(far)


@pytest.mark.parametrize("data", [b"", MUCH])
def test_writes_after_the_end_are_lost_and_logged_from_the_sixth_on(
    connect, until, log, Notes, data
):
    protocol = Notes()
    transport, far = connect(protocol)
    transport.write(data)
    transport.close()
    for _ in range(5):
        transport.write(b"")
        transport.write(b"coffee")
    assert log.take() == []
    transport.write(b"coffee")
    assert log.take_one().getMessage() == TOO_LATE
    received = b""

    def is_over():
        nonlocal received
        received += read(far)
        return protocol.is_lost

    until(is_over)
    assert received + read(far) == data


def test_writes_after_an_error_are_logged_from_the_fifth_on(connect, until, log, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    os.close(far)
    for _ in range(5):
        transport.write(b"coffee")
    assert log.take() == []
    transport.write(b"coffee")
    assert log.take_one().getMessage() == TOO_LATE
    until(lambda: protocol.is_lost)


def test_aborting_drops_what_was_not_sent(connect, until, Notes, LOST):
    protocol = Notes()
    transport, far = connect(protocol)
    transport.write(MUCH)
    transport.abort()
    assert transport.get_write_buffer_size() == 0
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", "pause", LOST]
    assert len(read(far)) < len(MUCH)


@pytest.mark.parametrize("make", PIPES)
def test_a_reader_that_goes_ends_it(connect, until, reports, Notes, LOST, make):
    protocol = Notes()
    transport, far = connect(protocol, make)
    os.close(far)
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", LOST]
    assert transport.is_closing()
    assert reports == []


@pytest.mark.parametrize("make", PIPES)
@pytest.mark.parametrize("is_closed", [False, True])
def test_a_reader_that_goes_while_data_waits_breaks_it(
    connect, until, reports, Notes, make, is_closed
):
    protocol = Notes()
    transport, far = connect(protocol, make)
    transport.write(MUCH)
    if is_closed:
        transport.close()
    os.close(far)
    until(lambda: protocol.is_lost)
    assert protocol.told in (
        ["made", "pause", ("lost", BrokenPipeError)],
        # Unix sockets tell of what wasn't read.
        ["made", "pause", ("lost", ConnectionResetError)],
    )
    assert transport.get_write_buffer_size() == 0
    assert reports == []


def test_writing_to_nobody_breaks_it(connect, until, reports, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    os.close(far)
    transport.write(b"coffee")
    assert transport.is_closing()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", ("lost", BrokenPipeError)]
    assert reports == []


def test_data_that_nobody_reads_is_no_end(connect, loop, turn, tmp_path, Notes):
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def named():
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        return open(path, "wb", 0), reading

    protocol = Notes()
    transport, far = connect(protocol, named)
    transport.write(b"coffee")
    for _ in range(10):
        turn()
    assert protocol.told == ["made"]
    assert not transport.is_closing()
    assert read(far) == b"coffee"


def test_data_that_comes_on_a_socket_is_its_end(connect, until, Notes, LOST):
    # asyncio's: what has a reading side isn't expected to use it.
    protocol = Notes()
    _, far = connect(protocol, of_sockets)
    os.write(far, b"coffee")
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", LOST]


def test_the_end_of_a_terminal_is_found_when_it_is_written_to(
    connect, until, turn, reports, Notes
):
    protocol = Notes()
    transport, far = connect(protocol, terminal)
    os.close(far)
    for _ in range(3):
        turn()
    assert protocol.told == ["made"]
    transport.write(b"coffee")
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", ("lost", OSError)]
    assert reports == []


def test_a_device_that_cannot_be_waited_for_is_written_to(loop, until, Notes, LOST):
    protocol = Notes()
    near = open(os.devnull, "wb", 0)
    transport, _ = loop.run_until_complete(loop.connect_write_pipe(lambda: protocol, near))
    transport.write(MUCH)
    transport.writelines([b"latte", b"mocha"])
    assert transport.get_write_buffer_size() == 0
    transport.close()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", LOST]


SIZES = st.lists(st.integers(1, 9000), min_size=1, max_size=12)


# The loop outlives the examples: each has a pipe of its own.
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    writes=SIZES,
    reads=st.lists(st.integers(100, 9000), min_size=1),
    in_lines=st.booleans(),
    in_one_turn=st.booleans(),
)
def test_bytes_arrive_in_order_however_they_are_cut(
    connect, loop, turn, until, Notes, writes, reads, in_lines, in_one_turn
):
    protocol = Notes()
    transport, far = connect(protocol, narrow)
    data = os.urandom(sum(writes))
    pieces, at = [], 0
    for size in writes:
        pieces.append(data[at : at + size])
        at += size
    if in_lines:
        transport.writelines(pieces)
    else:
        for piece in pieces:
            loop.call_soon(transport.write, piece)
            if not in_one_turn:
                turn()
        turn()
    transport.close()
    received = bytearray()

    def is_over():
        try:
            piece = os.read(far, reads[len(received) % len(reads)])
        except BlockingIOError:
            return False
        received.extend(piece)
        return not piece

    until(is_over)
    assert received == data


@pytest.mark.parametrize("of", [bytearray, memoryview])
def test_memory_that_is_written_is_its_owners_again(connect, until, Notes, of):
    memory = bytearray(MUCH)
    transport, far = connect(Notes())
    transport.write(memory if of is bytearray else memoryview(memory))
    memory[:] = b"x" * len(memory)
    received = b""

    def is_sent():
        nonlocal received
        received += read(far)
        return transport.get_write_buffer_size() == 0

    until(is_sent)
    assert received + read(far) == MUCH


# asyncio asserts it, which an optimised interpreter doesn't.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
@pytest.mark.parametrize("data", ["coffee", 1, None, [b"coffee"]])
def test_only_bytes_are_written(connect, Notes, data):
    transport, far = connect(Notes())
    with pytest.raises(TypeError):
        transport.write(data)
    transport.write(b"coffee")
    assert read(far) == b"coffee"


def test_a_protocol_that_fails_to_pause_or_resume_is_reported(connect, until, reports, Notes):
    class Failing(Notes):
        def pause_writing(self):
            raise LookupError("no cups")

        resume_writing = pause_writing

    protocol = Failing()
    transport, far = connect(protocol)
    transport.write(MUCH)

    def is_sent():
        read(far)
        return transport.get_write_buffer_size() == 0

    until(is_sent)
    assert [report["message"] for report in reports] == [
        "protocol.pause_writing() failed",
        "protocol.resume_writing() failed",
    ]
    assert all(isinstance(report["exception"], LookupError) for report in reports)
    assert not transport.is_closing()


def test_one_that_resumes_may_write(connect, until, Notes):
    class Refilling(Notes):
        def resume_writing(self):
            super().resume_writing()
            if len(self.told) < 6:
                self.transport.write(MUCH)

    protocol = Refilling()
    transport, far = connect(protocol)
    transport.write(MUCH)
    received = 0

    def is_sent():
        nonlocal received
        received += len(read(far))
        return received == 3 * len(MUCH)

    until(is_sent)
    until(lambda: protocol.told == ["made", *["pause", "resume"] * 3])
    assert transport.get_write_buffer_size() == 0


def test_it_may_be_closed_when_it_is_connected(connect, until, turn, Notes, LOST):
    class Closing(Notes):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"coffee")
            transport.close()

    protocol = Closing()
    _, far = connect(protocol)
    until(lambda: protocol.is_lost)
    turn()
    assert protocol.told == ["made", LOST]
    assert read(far) == b"coffee"


def test_what_is_no_pipe_is_refused_and_stays_open(loop, tmp_path):
    path = tmp_path / "order"
    with open(path, "wb", 0) as file:
        with pytest.raises(ValueError, match=REFUSED):
            loop.run_until_complete(loop.connect_write_pipe(asyncio.Protocol, file))
        gc.collect()
        file.write(b"coffee")
    assert path.read_bytes() == b"coffee"


def test_it_knows_its_pipe_and_has_it_not_block(connect, Notes):
    transport, _ = connect(Notes())
    pipe = transport.get_extra_info("pipe")
    assert not os.get_blocking(pipe.fileno())
    assert f"fd={pipe.fileno()}" in repr(transport)
    assert isinstance(transport, asyncio.WriteTransport)


def test_one_that_nobody_closes_is_warned_of_and_closed(loop):
    near, far = terminal()
    made = loop.connect_write_pipe(asyncio.BaseProtocol, near)
    # A terminal's end isn't watched for, so that the loop doesn't hold it.
    transport = loop.run_until_complete(made)[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del transport
        gc.collect()
    (warning,) = caught
    assert warning.category is ResourceWarning
    assert "unclosed transport" in str(warning.message)
    assert near.closed
    os.close(far)


def test_streams_write_to_it(loop, until):
    near, far = plain()
    os.set_blocking(far, False)

    async def write():
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop), near
        )
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        writer.write(MUCH)
        draining = loop.create_task(writer.drain())
        received = b""
        while len(received) < len(MUCH):
            received += read(far)
            await asyncio.sleep(0)
        await draining
        writer.close()
        return received

    assert loop.run_until_complete(write()) == MUCH
    until(lambda: near.closed)
    os.close(far)
