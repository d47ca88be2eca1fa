"""The other side is gone, whatever this one was doing."""

import asyncio
import errno
import socket
import struct

import pytest

RESET = ("lost", ConnectionResetError)


@pytest.fixture
def connect(link, tcp_pair):
    def connect(protocol):
        return link(protocol, pair=tcp_pair)

    return connect


def reset(far):
    """Ends a connection so that the other side finds it broken."""
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()


def test_while_nothing_happens(connect, until, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    reset(far)
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", RESET]
    assert transport.is_closing()


def test_while_reading_is_paused_it_is_found_when_that_resumes(connect, until, turn, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    transport.pause_reading()
    reset(far)
    for _ in range(5):
        turn()
    assert protocol.told == ["made"]
    transport.resume_reading()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", RESET]


def test_while_reading_is_paused_it_is_found_by_who_writes(connect, until, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    transport.pause_reading()
    reset(far)

    def is_found():
        transport.write(b"coffee")
        return protocol.is_lost

    until(is_found)
    assert protocol.told == ["made", RESET]


def test_while_data_waits(connect, until, fill, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    fill(transport)
    reset(far)
    until(lambda: protocol.is_lost)
    assert protocol.told[-1] == RESET
    assert transport.get_write_buffer_size() == 0


def test_while_data_waits_and_nobody_reads(connect, until, fill, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    transport.pause_reading()
    fill(transport)
    reset(far)
    until(lambda: protocol.is_lost)
    assert protocol.told[-1][1] in (ConnectionResetError, BrokenPipeError)


def test_while_it_closes(connect, until, fill, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    fill(transport)
    transport.close()
    reset(far)
    until(lambda: protocol.is_lost)
    assert protocol.told[-1][1] in (ConnectionResetError, BrokenPipeError)


def test_after_the_end_of_its_own_writing(connect, until, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    transport.write_eof()
    reset(far)
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", RESET]


def test_before_the_end_of_its_own_writing(connect, until, Notes):
    protocol = Notes()
    transport, far = connect(protocol)
    reset(far)
    with pytest.raises(OSError, match="not connected") as raised:
        transport.write_eof()
    assert raised.value.errno == errno.ENOTCONN
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", RESET]


def test_after_the_end_of_the_others_writing(connect, until, Notes):
    protocol = Notes(keeps_open=True)
    transport, far = connect(protocol)
    far.shutdown(socket.SHUT_WR)
    until(lambda: "eof" in protocol.told)
    reset(far)

    def is_found():
        transport.write(b"coffee")
        return protocol.is_lost

    until(is_found)
    assert protocol.told[:2] == ["made", "eof"]
    assert protocol.told[-1][1] in (ConnectionResetError, BrokenPipeError)


def test_after_data_that_came_before(connect, until, Notes):
    protocol = Notes()
    _, far = connect(protocol)
    far.send(b"coffee")
    until(lambda: protocol.received)
    reset(far)
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", b"coffee", RESET]


def test_before_the_connection_was_accepted(loop, until, Notes):
    protocols = []

    def make():
        protocols.append(Notes())
        return protocols[-1]

    server = loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0))
    reset(socket.create_connection(server.sockets[0].getsockname()))
    with socket.create_connection(server.sockets[0].getsockname()) as second:
        until(lambda: len(protocols) == 2 and protocols[0].is_lost)
        assert protocols[0].told == ["made", RESET]
        assert protocols[1].told == ["made"]
        reset(second)
        until(lambda: protocols[1].is_lost)
    server.close()


def test_while_a_protocol_is_told_of_data_it_can_still_write(connect, until, Notes):
    class Echo(Notes):
        def data_received(self, data):
            super().data_received(data)
            reset(far)
            for _ in range(3):
                self.transport.write(data)

    protocol = Echo()
    _, far = connect(protocol)
    far.send(b"coffee")
    until(lambda: protocol.is_lost)
    assert protocol.told[:2] == ["made", b"coffee"]
    assert protocol.told[-1][1] in (ConnectionResetError, BrokenPipeError)


def test_a_stream_that_is_read_raises(run, tcp_pair):
    async def main():
        near, far = tcp_pair()
        reader, writer = await asyncio.open_connection(sock=near)
        reading = asyncio.create_task(reader.read(100))
        await asyncio.sleep(0)
        reset(far)
        with pytest.raises(ConnectionResetError):
            await reading
        writer.close()
        with pytest.raises(ConnectionResetError):
            await writer.wait_closed()

    run(main)


def test_a_stream_that_is_written_raises_when_it_waits(run, tcp_pair):
    async def main():
        near, far = tcp_pair()
        _, writer = await asyncio.open_connection(sock=near)
        writer.write(bytes(1 << 24))
        draining = asyncio.create_task(writer.drain())
        await asyncio.sleep(0)
        reset(far)
        with pytest.raises(ConnectionResetError):
            await draining
        writer.close()
        with pytest.raises(ConnectionResetError):
            await writer.wait_closed()

    run(main)


@pytest.mark.parametrize("operation", ["sock_recv", "sock_sendall"])
def test_an_operation_that_waits_raises(run, tcp_pair, operation):
    async def main():
        loop = asyncio.get_running_loop()
        near, far = tcp_pair()
        with near:
            near.setblocking(False)
            if operation == "sock_recv":
                waiting = asyncio.create_task(loop.sock_recv(near, 100))
            else:
                waiting = asyncio.create_task(loop.sock_sendall(near, bytes(1 << 24)))
            await asyncio.sleep(0)
            reset(far)
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                await waiting

    run(main)
