"""Half-closed connections: one side has ended its writing, the other goes on."""

import pytest


def test_an_end_comes_after_all_that_was_written(link, fill, receive, until, Notes):
    transport, far = link(Notes(keeps_open=True))
    assert transport.can_write_eof()
    written = fill(transport)
    transport.write(b"coffee")
    transport.write_eof()
    transport.write_eof()
    received = bytearray()

    def is_over():
        try:
            data = far.recv(1 << 20)
        except BlockingIOError:
            return False
        received.extend(data)
        return not data

    until(is_over)
    assert received == bytes(written) + b"coffee"


def test_an_end_comes_after_what_this_turn_wrote(link, loop, turn, Notes):
    transport, far = link(Notes())

    def write():
        for _ in range(5):
            transport.write(b"coffee")
        transport.write_eof()

    loop.call_soon(write)
    turn()
    assert far.recv(100) == b"coffee" * 5
    assert far.recv(100) == b""


def test_an_end_is_with_the_kernel_when_it_was_asked_for(link, loop, turn, Notes):
    transport, far = link(Notes())
    seen = []

    def write():
        for _ in range(5):
            transport.write(b"coffee")
        transport.write_eof()
        seen.extend([far.recv(100), far.recv(100)])

    loop.call_soon(write)
    turn()
    assert seen == [b"coffee" * 5, b""]


def test_reading_goes_on_after_an_end(link, until, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    transport.write_eof()
    assert far.recv(1) == b""
    far.send(b"coffee")
    until(lambda: protocol.received == b"coffee")


def test_nothing_is_written_after_an_end(link, Notes):
    transport, _ = link(Notes())
    transport.write_eof()
    with pytest.raises(RuntimeError, match=r"Cannot call write\(\) after write_eof\(\)"):
        transport.write(b"coffee")


def test_writing_goes_on_after_the_other_sides_end_if_the_protocol_says_so(
    link, receive, until, turn, Notes, LOST
):
    protocol = Notes(keeps_open=True)
    transport, far = link(protocol)
    far.send(b"coffee")
    far.shutdown(1)
    until(lambda: "eof" in protocol.told)
    turn()
    turn()
    # It is told once, though the socket stays readable.
    assert protocol.told == ["made", b"coffee", "eof"]
    transport.write(b"tea")
    assert receive(far) == b"tea"
    transport.close()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", b"coffee", "eof", LOST]


def test_who_stays_open_is_not_told_of_a_socket_that_stays_readable(link, until, Notes):
    protocol = Notes(keeps_open=True)
    transport, far = link(protocol)
    assert "read=polling" in repr(transport)
    far.shutdown(1)
    until(lambda: "eof" in protocol.told)
    assert "read=idle" in repr(transport)
    assert transport.is_reading()


def test_who_pauses_after_the_end_finds_it_again(link, until, turn, Notes):
    protocol, other = Notes(keeps_open=True), Notes(keeps_open=True)
    transport, far = link(protocol)
    far.shutdown(1)
    until(lambda: "eof" in protocol.told)
    transport.pause_reading()
    assert not transport.is_reading()
    turn()
    # As start_tls() does: the next protocol has to know as well.
    transport.set_protocol(other)
    transport.resume_reading()
    assert transport.is_reading()
    until(lambda: "eof" in other.told)
    assert (protocol.told, other.told) == (["made", "eof"], ["eof"])


def test_what_was_written_is_delivered_to_who_has_ended(link, fill, receive, until, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    written = fill(transport)
    far.shutdown(1)
    received = bytearray()

    def is_over():
        received.extend(receive(far))
        return protocol.is_lost

    until(is_over)
    received += receive(far)
    assert received == bytes(written)
