"""Connections: made, used, closed, and what is known of them."""

import asyncio
import contextvars
import gc
import socket
import sys
import warnings

import pytest

flavour = contextvars.ContextVar("flavour", default="Vanilla")


def test_a_transport_is_one_of_asyncios(link, Notes):
    transport, _ = link(Notes())
    assert isinstance(transport, asyncio.Transport)
    assert isinstance(transport, asyncio.transports._FlowControlMixin)


def test_a_protocol_is_told_that_it_is_connected_then_what_comes(link, turn, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    assert protocol.transport is transport
    turn()
    far.send(b"coffee")
    turn()
    far.send(b"tea")
    turn()
    assert protocol.told == ["made", b"coffee", b"tea"]


def test_what_is_received_is_bytes(link, until, Notes):
    protocol = Notes()
    _, far = link(protocol)
    far.send(b"coffee")
    until(lambda: protocol.received)
    assert [type(entry) for entry in protocol.told] == [str, bytes]


@pytest.mark.parametrize("chunk", [bytes, bytearray, memoryview])
def test_whatever_has_bytes_can_be_written(link, receive, turn, Notes, chunk):
    transport, far = link(Notes())
    for _ in range(3):
        transport.write(chunk(b"coffee"))
    turn()
    assert receive(far) == b"coffee" * 3


def test_a_buffer_may_be_changed_once_it_is_written(link, fill, receive, until, Notes):
    transport, far = link(Notes())
    before = fill(transport)
    buffer = bytearray(b"coffee")
    transport.write(buffer)
    buffer[:] = b"------"
    received = bytearray()

    def all_is_there():
        received.extend(receive(far))
        return len(received) == before + 6

    until(all_is_there)
    # asyncio keeps a view since Python 3.12, and sends what it finds later.
    copies = "StreamTransport" in repr(transport) or sys.version_info < (3, 12)
    assert received.endswith(b"coffee" if copies else b"------")


@pytest.mark.parametrize("wrong", ["coffee", None, 7, [b"coffee"]])
def test_what_has_no_bytes_is_refused(link, Notes, wrong):
    transport, _ = link(Notes())
    with pytest.raises(TypeError, match="data argument must be"):
        transport.write(wrong)


# asyncio's loses the connection, and reports it.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
@pytest.mark.parametrize("method", ["write", "writelines"])
def test_memory_with_gaps_is_refused(link, receive, turn, Notes, method):
    protocol = Notes()
    transport, far = link(protocol)
    every_second = memoryview(b"coffee")[::2]
    with pytest.raises(BufferError, match="contiguous"):
        getattr(transport, method)(every_second if method == "write" else [every_second])
    transport.write(b"tea")
    turn()
    assert receive(far) == b"tea"
    assert protocol.told == ["made"]


def test_nothing_is_written_for_no_bytes(link, receive, turn, Notes):
    transport, far = link(Notes())
    transport.write(b"")
    transport.writelines([])
    turn()
    assert receive(far) == b""


def test_what_is_written_in_a_turn_arrives_in_order(link, receive, turn, Notes):
    transport, far = link(Notes())
    for count in range(100):
        transport.write(b"%d," % count)
        transport.writelines([b"a", bytearray(b"b"), b","])
    turn()
    assert receive(far) == b"".join(b"%d,ab," % count for count in range(100))


def test_the_first_write_is_the_kernels_at_once(link, receive, loop, turn, Notes):
    (first, far), (second, other) = link(Notes()), link(Notes())
    first.write(b"coffee")
    second.writelines([b"tea", b"cake"])
    assert (receive(far), receive(other)) == (b"coffee", b"teacake")
    loop.call_soon(first.writelines, [b"mo", b"cha"])
    loop.call_soon(lambda: seen.append(receive(far)))
    seen = []
    turn()
    assert seen == [b"mocha"]


def test_who_asks_what_waits_has_it_sent_first(link, receive, loop, Notes):
    transport, far = link(Notes())
    seen = []

    def write():
        transport.write(b"coffee")
        transport.write(b"tea")
        seen.append((transport.get_write_buffer_size(), receive(far)))
        loop.stop()

    loop.call_soon(write)
    loop.run_forever()
    assert seen == [(0, b"coffeetea")]


def test_large_data_goes_both_ways(link, until, receive, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    data = bytes(range(256)) * 8192
    transport.write(data)
    received, sent = bytearray(), 0

    def is_through():
        nonlocal sent
        received.extend(receive(far))
        if sent < len(data):
            try:
                sent += far.send(data[sent:])
            except BlockingIOError:
                pass
        return len(received) == len(protocol.received) == len(data)

    until(is_through)
    assert received == protocol.received == data


def test_a_close_delivers_what_was_written(link, fill, until, receive, Notes, LOST):
    protocol = Notes()
    transport, far = link(protocol)
    written = fill(transport)
    transport.write(b"coffee")
    transport.close()
    assert transport.is_closing()
    received = bytearray()

    def is_over():
        received.extend(receive(far))
        return protocol.is_lost

    until(is_over)
    received += receive(far)
    assert received == bytes(written) + b"coffee"
    assert protocol.told[-1] == LOST


def test_a_close_delivers_what_this_turn_wrote(link, loop, until, receive, Notes):
    protocol = Notes()
    transport, far = link(protocol)

    def write_and_close():
        for _ in range(5):
            transport.write(b"coffee")
        transport.close()

    loop.call_soon(write_and_close)
    until(lambda: protocol.is_lost)
    assert receive(far) == b"coffee" * 5


def test_what_was_written_before_a_close_is_with_the_kernel(link, loop, turn, receive, Notes):
    transport, far = link(Notes())
    seen = []

    def write_and_close():
        for _ in range(5):
            transport.write(b"coffee")
        transport.close()
        seen.append(receive(far))

    loop.call_soon(write_and_close)
    turn()
    assert seen == [b"coffee" * 5]


def test_a_closed_transport_waits_for_nothing_but_room(link, fill, Notes):
    transport, _ = link(Notes())
    transport.close()
    assert "read=idle" in repr(transport)
    transport, _ = link(Notes())
    fill(transport)
    transport.close()
    assert "read=idle write=<polling" in repr(transport)


def test_an_abort_drops_what_the_kernel_has_not_taken(link, fill, until, receive, Notes, LOST):
    protocol = Notes()
    transport, far = link(protocol)
    written = fill(transport)
    assert transport.get_write_buffer_size() > 0
    transport.abort()
    assert transport.get_write_buffer_size() == 0
    until(lambda: protocol.is_lost)
    assert len(receive(far)) < written
    assert protocol.told[-1] == LOST


# The kernel takes 64 pieces at once from us.
@pytest.mark.parametrize("times", [5, 200])
def test_what_was_written_before_an_abort_is_with_the_kernel(
    link, loop, until, receive, Notes, LOST, times
):
    protocol = Notes()
    transport, far = link(protocol)

    def write_and_abort():
        for _ in range(times):
            transport.write(b"coffee")
        transport.abort()
        assert transport.get_write_buffer_size() == 0

    loop.call_soon(write_and_abort)
    until(lambda: protocol.is_lost)
    assert receive(far) == b"coffee" * times
    assert protocol.told[-1] == LOST


def test_what_was_written_before_the_protocol_fails_is_with_the_kernel(
    link, loop, until, receive, Notes
):
    class Failing(Notes):
        def data_received(self, data):
            for _ in range(5):
                self.transport.write(data)
            raise ValueError("spilt")

    protocol = Failing()
    _, far = link(protocol)
    loop.set_exception_handler(lambda loop, context: None)
    far.send(b"coffee")
    until(lambda: protocol.is_lost)
    assert receive(far) == b"coffee" * 5
    assert protocol.told[-1] == ("lost", ValueError)


def test_an_abort_of_a_connection_that_broke_tells_of_the_break(link, loop, until, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    # Written to in this turn, so that the rest waits for its end.
    far.close()

    def write_and_abort():
        for _ in range(5):
            transport.write(b"coffee")
        transport.abort()

    loop.call_soon(write_and_abort)
    until(lambda: protocol.is_lost)
    assert protocol.told[-1] == ("lost", BrokenPipeError)


def test_the_end_is_told_once_and_not_before_the_next_turn(link, turn, Notes, LOST):
    protocol = Notes()
    transport, _ = link(protocol)
    transport.close()
    transport.close()
    transport.abort()
    assert protocol.told == ["made"]
    turn()
    transport.close()
    transport.abort()
    turn()
    assert protocol.told == ["made", LOST]


def test_nothing_is_received_after_a_close(link, turn, Notes, LOST):
    protocol = Notes()
    transport, far = link(protocol)
    far.send(b"coffee")
    transport.close()
    turn()
    turn()
    assert protocol.told == ["made", LOST]


def test_what_a_closed_transport_shows(link, until, Notes):
    protocol = Notes()
    transport, _ = link(protocol)
    assert " fd=" in repr(transport)
    assert "read=polling" in repr(transport)
    transport.close()
    assert "closing" in repr(transport)
    until(lambda: protocol.is_lost)
    assert "closed" in repr(transport)
    assert transport.is_closing()
    assert not transport.is_reading()


def test_the_other_sides_end_closes_the_connection(link, until, Notes, LOST):
    protocol = Notes()
    transport, far = link(protocol)
    far.send(b"coffee")
    far.close()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", b"coffee", "eof", LOST]


def test_extra_info_names_the_socket_and_both_addresses(link, tcp_pair, Notes):
    transport, far = link(Notes(), pair=tcp_pair)
    assert transport.get_extra_info("sockname") == far.getpeername()
    assert transport.get_extra_info("peername") == far.getsockname()
    sock = transport.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.gettimeout() == 0
    assert transport.get_extra_info("cipher") is None
    assert transport.get_extra_info("cipher", "none") == "none"


def test_a_transport_takes_attributes_and_methods_in_place_of_its_own(link, receive, Notes):
    transport, far = link(Notes())
    written = []
    transport.write, before = written.append, transport.write
    transport.note = "mine"
    transport.write(b"coffee")
    assert (written, transport.note, receive(far)) == ([b"coffee"], "mine", b"")
    before(b"tea")
    assert receive(far) == b"tea"


def test_the_protocol_may_be_replaced(link, turn, Notes):
    first, second = Notes(), Notes()
    transport, far = link(first)
    turn()
    transport.set_protocol(second)
    assert transport.get_protocol() is second
    far.send(b"coffee")
    turn()
    assert (first.told, second.told) == (["made"], [b"coffee"])


def test_a_protocol_is_given_data_in_the_context_of_who_connected(loop, until, Notes):
    near, far = socket.socketpair()
    seen = []

    class Protocol(Notes):
        def connection_made(self, transport):
            super().connection_made(transport)
            seen.append(flavour.get())

        def data_received(self, data):
            seen.append(flavour.get())
            flavour.set("Caramel")

    async def connect():
        flavour.set("Mocha")
        return await loop.create_connection(Protocol, sock=near)

    transport, protocol = loop.run_until_complete(connect())
    for count in (2, 3):
        far.send(b"coffee")
        until(lambda: len(seen) == count)
    assert seen == ["Mocha", "Mocha", "Caramel"]
    assert flavour.get() == "Vanilla"
    far.close()
    until(lambda: protocol.is_lost)


def test_a_socket_that_a_transport_uses_can_not_be_watched(link, until, loop, Notes):
    protocol = Notes()
    transport, _ = link(protocol)
    number = transport.get_extra_info("socket").fileno()
    for attempt in (
        lambda: loop.add_reader(number, print),
        lambda: loop.add_writer(number, print),
        lambda: loop.remove_reader(number),
        lambda: loop.remove_writer(number),
    ):
        with pytest.raises(RuntimeError, match="is used by transport"):
            attempt()
        transport.pause_reading()
    transport.close()
    until(lambda: protocol.is_lost)
    assert loop.remove_reader(number) is False


def test_a_name_is_looked_up_and_each_address_tried(loop, until, Notes):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The name stands for ::1 too, on most machines, where nobody listens.
        made = loop.create_connection(Notes, "localhost", listener.getsockname()[1])
        transport, protocol = loop.run_until_complete(made)
        assert transport.get_extra_info("peername")[:2] == listener.getsockname()
        transport.abort()
        until(lambda: protocol.is_lost)


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return port


def test_a_refused_connection_is_an_error(loop, closed_port, Notes):
    with pytest.raises(ConnectionRefusedError):
        loop.run_until_complete(loop.create_connection(Notes, "127.0.0.1", closed_port))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="new in Python 3.12")
def test_all_errors_can_be_had(loop, closed_port, Notes):
    with pytest.raises(ExceptionGroup) as caught:
        loop.run_until_complete(
            loop.create_connection(Notes, "127.0.0.1", closed_port, all_errors=True)
        )
    assert [type(error) for error in caught.value.exceptions] == [ConnectionRefusedError]


def addresses(*ports):
    """What a look-up gives for a name with several addresses."""
    kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    return [(*kind, ("127.0.0.1", port)) for port in ports]


@pytest.mark.parametrize("delay", [None, 60])
def test_of_several_addresses_the_first_that_answers_is_taken(
    loop, until, closed_port, Notes, delay
):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = addresses(closed_port, listener.getsockname()[1])

        async def getaddrinfo(*_arguments, **_options):
            return found

        loop.getaddrinfo = getaddrinfo
        made = loop.create_connection(Notes, "café", 80, happy_eyeballs_delay=delay)
        transport, protocol = loop.run_until_complete(made)
        assert transport.get_extra_info("peername") == listener.getsockname()
        transport.abort()
        until(lambda: protocol.is_lost)


def test_errors_of_several_addresses_are_told_together(loop, closed_port, Notes):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other = listener.getsockname()[1]

    async def getaddrinfo(*_arguments, **_options):
        return addresses(closed_port, other)

    loop.getaddrinfo = getaddrinfo
    with pytest.raises(OSError, match="Multiple exceptions: .*refused.*refused|Connect call failed"):
        loop.run_until_complete(loop.create_connection(Notes, "café", 80))


def test_a_connection_comes_from_the_address_that_was_asked_for(
    loop, until, closed_port, Notes
):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = loop.create_connection(
            Notes, *listener.getsockname(), local_addr=("127.0.0.1", closed_port)
        )
        transport, protocol = loop.run_until_complete(made)
        assert transport.get_extra_info("sockname") == ("127.0.0.1", closed_port)
        transport.abort()
        until(lambda: protocol.is_lost)


@pytest.mark.parametrize(
    "arguments, options, text",
    [
        ((), {}, "host and port was not specified and no sock specified"),
        (("localhost", 1), {"sock": 1}, "can not be specified at the same time"),
        (("localhost", 1), {"server_hostname": "café"}, "only meaningful with ssl"),
        (("localhost", 1), {"ssl_handshake_timeout": 1}, "only meaningful with ssl"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(
    loop, Notes, arguments, options, text
):
    if options.get("sock"):
        near, far = socket.socketpair()
        options = {"sock": near}
        far.close()
    with pytest.raises(ValueError, match=text):
        loop.run_until_complete(loop.create_connection(Notes, *arguments, **options))
    if "sock" in options:
        near.close()


def test_a_datagram_socket_is_refused(loop, Notes):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        for attempt in (
            lambda: loop.create_connection(Notes, sock=sock),
            lambda: loop.connect_accepted_socket(Notes, sock),
            lambda: loop.create_server(Notes, sock=sock),
        ):
            with pytest.raises(ValueError, match="A Stream Socket was expected"):
                loop.run_until_complete(attempt())


def test_a_connection_that_was_accepted_elsewhere_is_served(loop, until, tcp_pair, Notes):
    near, far = tcp_pair()
    with far:
        served = loop.connect_accepted_socket(Notes, near)
        transport, protocol = loop.run_until_complete(served)
        far.send(b"coffee")
        until(lambda: protocol.received == b"coffee")
        transport.close()
        until(lambda: protocol.is_lost)
        assert far.recv(1) == b""


def test_who_gives_up_waiting_leaves_no_socket_behind(run):
    async def main():
        loop = asyncio.get_running_loop()
        with socket.socket() as listener:
            # Nobody accepts, and the backlog is full.
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            with socket.create_connection(listener.getsockname()):
                pass
            waiting = [
                loop.create_task(
                    loop.create_connection(asyncio.Protocol, *listener.getsockname())
                )
                for _ in range(3)
            ]
            await asyncio.sleep(0)
            for task in waiting:
                task.cancel()
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, tuple):
                    outcome[0].abort()
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    run(main)


def test_a_factory_that_fails_makes_no_connection(loop):
    near, far = socket.socketpair()
    with near, far:

        def fail():
            raise LookupError("no cups")

        with pytest.raises(LookupError, match="no cups"):
            loop.run_until_complete(loop.create_connection(fail, sock=near))


def test_a_forgotten_transport_warns_and_closes(loop, Notes):
    near, far = socket.socketpair()
    with far:
        far.settimeout(0)
        transport, protocol = loop.run_until_complete(loop.create_connection(Notes, sock=near))
        # While it reads the loop remembers it.
        transport.pause_reading()
        del near, transport, protocol
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            gc.collect()
        assert any("unclosed transport" in str(warning.message) for warning in caught)
        assert far.recv(1) == b""
