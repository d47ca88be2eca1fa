"""Protocols that bring their own buffer."""

import asyncio
import socket

import pytest


class Cup(asyncio.BufferedProtocol):
    """Keeps what is poured in, through a buffer of a few bytes."""

    def __init__(self, size=7):
        self.buffer = bytearray(size)
        self.received = bytearray()
        self.hints = []
        self.told = []

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, sizehint):
        self.hints.append(sizehint)
        return self.buffer

    def buffer_updated(self, count):
        self.received += self.buffer[:count]

    def eof_received(self):
        self.told.append("eof")

    def connection_lost(self, error):
        self.told.append(error)

    @property
    def is_lost(self):
        return self.told and self.told[-1] != "eof"


def test_what_comes_is_written_into_the_protocols_buffer(link, until):
    protocol = Cup()
    _, far = link(protocol)
    far.send(b"coffee with cream")
    until(lambda: protocol.received == b"coffee with cream")
    assert protocol.hints == [-1, -1, -1]
    far.shutdown(socket.SHUT_WR)
    until(lambda: "eof" in protocol.told)


def test_a_view_will_do_as_a_buffer(link, until):
    protocol = Cup()
    memory = bytearray(100)
    protocol.get_buffer = lambda _hint: memoryview(memory)[10:20]
    protocol.buffer_updated = lambda count: protocol.told.append((count, bytes(memory[10:20])))
    _, far = link(protocol)
    far.send(b"coffee")
    until(lambda: protocol.told)
    assert protocol.told == [(6, b"coffee" + bytes(4))]


def test_the_buffer_is_let_go_before_the_protocol_is_told(link, until):
    protocol = Cup()

    def buffer_updated(_count):
        # Fails while anybody holds a view of it.
        protocol.buffer.clear()
        protocol.buffer.extend(bytes(7))
        protocol.told.append("resized")

    protocol.buffer_updated = buffer_updated
    _, far = link(protocol)
    far.send(b"coffee")
    until(lambda: protocol.told == ["resized"])


@pytest.mark.parametrize(
    "buffer, error, message",
    [
        (bytearray(), RuntimeError, "Fatal error: protocol.get_buffer() call failed."),
        (None, TypeError, "Fatal error: protocol.get_buffer() call failed."),
        (b"coffee", (TypeError, BufferError), "Fatal read error on socket transport"),
    ],
    ids=["empty", "none", "read-only"],
)
def test_a_buffer_that_will_not_do_ends_the_connection(
    link, loop, until, buffer, error, message
):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    protocol = Cup()
    protocol.get_buffer = lambda _hint: buffer
    _, far = link(protocol)
    far.send(b"coffee")
    until(lambda: protocol.is_lost)
    (report,) = reports
    assert isinstance(report["exception"], error)
    assert report["message"] == message


def test_a_protocol_that_fails_to_take_its_buffer_loses_its_connection(link, loop, until):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    protocol = Cup()

    def fail(_count):
        raise LookupError("no cups")

    protocol.buffer_updated = fail
    _, far = link(protocol)
    far.send(b"coffee")
    until(lambda: protocol.is_lost)
    (report,) = reports
    assert report["message"] == "Fatal error: protocol.buffer_updated() call failed."


def test_protocols_of_both_kinds_may_follow_each_other(link, until, turn, Notes):
    protocol, cup = Notes(), Cup()
    transport, far = link(protocol)
    turn()
    far.send(b"coffee")
    turn()
    transport.set_protocol(cup)
    far.send(b"tea")
    turn()
    transport.set_protocol(protocol)
    far.send(b"milk")
    turn()
    assert (protocol.received, cup.received) == (b"coffeemilk", b"tea")
