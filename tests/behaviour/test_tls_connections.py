"""Connections over TLS: what goes in at one end comes out at the other."""

import asyncio
import ssl
import sys

import pytest

MESSAGE = bytes(range(256)) * 4


@pytest.fixture(params=["client", "server"])
def server_side(request):
    """Which side is the loop's."""
    return request.param == "server"


def exchange(until, peer, protocol, condition):
    def comes_about():
        peer.move()
        return condition()

    until(comes_about)


def test_bytes_go_there_and_back(Notes, secure_link, until, server_side):
    protocol = Notes()
    transport, peer = secure_link(protocol, server_side=server_side)
    transport.write(MESSAGE)
    exchange(until, peer, protocol, lambda: peer.received == MESSAGE)
    peer.write(MESSAGE)
    exchange(until, peer, protocol, lambda: protocol.received == MESSAGE)
    assert protocol.told[0] == "made"
    assert MESSAGE not in bytes(peer.received_raw)


@pytest.mark.parametrize("step", [1, 7])
def test_short_reads_and_writes_at_every_boundary_change_nothing(
    Notes, secure_link, until, server_side, step
):
    protocol = Notes()
    transport, peer = secure_link(protocol, server_side=server_side, step=step)
    transport.write(MESSAGE[:300])
    transport.writelines([b"", b"mocha", b"latte"])
    peer.write(MESSAGE[:300])
    exchange(until, peer, protocol, lambda: len(peer.received) == 310)
    exchange(until, peer, protocol, lambda: len(protocol.received) == 300)
    assert peer.received == MESSAGE[:300] + b"mochalatte"
    assert protocol.received == MESSAGE[:300]


def test_much_goes_both_ways_at_once(Notes, secure_link, until, server_side):
    protocol = Notes()
    transport, peer = secure_link(protocol, server_side=server_side)
    much = MESSAGE * 2000
    transport.write(much)
    peer.write(much)
    exchange(until, peer, protocol, lambda: len(protocol.received) == len(much))
    exchange(until, peer, protocol, lambda: len(peer.received) == len(much))
    assert protocol.received == much
    assert peer.received == much


def test_writes_of_a_turn_arrive_in_their_order(Notes, secure_link, until):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    pieces = [bytes([number]) * (number * 577 % 20000) for number in range(60)]
    for number, piece in enumerate(pieces):
        if number % 3:
            transport.write(piece)
        else:
            transport.writelines([piece[:7], piece[7:]])
    expected = b"".join(pieces)
    exchange(until, peer, protocol, lambda: len(peer.received) == len(expected))
    assert peer.received == expected


def test_what_was_written_may_be_changed_afterwards(Notes, secure_link, until):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    for _ in range(3):
        data = bytearray(b"mocha")
        transport.write(data)
        data[:] = b"water"
        view = memoryview(bytearray(b"latte"))
        transport.write(view[1:])
        view[:] = b"water"
    exchange(until, peer, protocol, lambda: len(peer.received) == 27)
    assert peer.received == b"mochaatte" * 3


def test_what_is_written_when_the_connection_is_made_arrives(Notes, secure, until):
    class Eager(Notes):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"mocha")
            transport.write(b"latte")

    protocol = Eager()
    making, peer = secure(protocol)
    exchange(until, peer, protocol, lambda: peer.received == b"mochalatte" and making.done())


def test_a_protocol_with_a_buffer_is_given_all_in_its_own(secure_link, until, server_side):
    class Cup(asyncio.BufferedProtocol):
        def __init__(self):
            self.cup = bytearray(10)
            self.received = bytearray()
            self.sizes = []

        def get_buffer(self, sizehint):
            self.sizes.append(sizehint)
            return memoryview(self.cup)

        def buffer_updated(self, nbytes):
            assert nbytes > 0
            self.received += self.cup[:nbytes]

    protocol = Cup()
    _transport, peer = secure_link(protocol, server_side=server_side)
    peer.write(MESSAGE)
    peer.write(b"mocha")
    exchange(until, peer, protocol, lambda: len(protocol.received) == len(MESSAGE) + 5)
    assert protocol.received == MESSAGE + b"mocha"
    assert all(size >= 0 for size in protocol.sizes)


def test_many_reads_into_parts_of_a_buffer_hold_nothing(secure_link, until):
    class Cup(asyncio.BufferedProtocol):
        def __init__(self):
            self.cup = bytearray(1 << 18)
            self.received = 0

        def get_buffer(self, sizehint):
            return memoryview(self.cup)

        def buffer_updated(self, nbytes):
            self.received += nbytes

    protocol = Cup()
    _transport, peer = secure_link(protocol)

    def blocks_after_a_mebibyte():
        wanted = protocol.received + (1 << 20)
        for _ in range(1 << 10):
            peer.write(MESSAGE)
        exchange(until, peer, protocol, lambda: protocol.received == wanted)
        return sys.getallocatedblocks()

    blocks_after_a_mebibyte()
    before = blocks_after_a_mebibyte()
    # A thousand records, most of them behind others in the same buffer.
    assert blocks_after_a_mebibyte() - before < 100


def test_a_protocol_may_be_replaced_while_data_comes(Notes, secure_link, until):
    first, second = Notes(), Notes()
    transport, peer = secure_link(first)
    peer.write(b"mocha")
    exchange(until, peer, first, lambda: first.received == b"mocha")
    transport.set_protocol(second)
    assert transport.get_protocol() is second
    peer.write(b"latte")
    exchange(until, peer, second, lambda: second.received == b"latte")
    assert first.received == b"mocha"


def test_reading_pauses_and_resumes(Notes, secure_link, until, turn):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    transport.pause_reading()
    transport.pause_reading()
    assert not transport.is_reading()
    peer.write(b"mocha")
    for _ in range(5):
        turn()
    assert protocol.received == b""
    transport.resume_reading()
    transport.resume_reading()
    assert transport.is_reading()
    # In asyncio's order: not in the midst of the caller.
    assert protocol.received == b""
    exchange(until, peer, protocol, lambda: protocol.received == b"mocha")


def test_a_writer_whose_reader_is_slow_is_asked_to_pause(Notes, secure_link, until):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    transport.set_write_buffer_limits(high=100_000, low=10_000)
    written = 0
    while "pause" not in protocol.told:
        transport.write(MESSAGE)
        transport.get_write_buffer_size()
        written += len(MESSAGE)
        assert written < 1 << 24
    assert transport.get_write_buffer_size() >= 100_000
    exchange(until, peer, protocol, lambda: "resume" in protocol.told)
    exchange(until, peer, protocol, lambda: len(peer.received) == written)
    assert protocol.told == ["made", "pause", "resume"]


def test_a_reader_that_pauses_stops_the_sender(Notes, secure_link, turn):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    transport.pause_reading()
    piece = bytes(1 << 16)
    for _ in range(400):
        if peer.unsent:
            break
        peer.write(piece)
        for _ in range(3):
            turn()
    assert peer.unsent, "its memory has no bounds"
    assert transport.get_read_buffer_size() < 2 * 256 * 1024


def test_what_is_known_of_a_session(Notes, secure, until, contexts):
    contexts.client.set_alpn_protocols(["coffee/1", "tea/1"])
    contexts.server.set_alpn_protocols(["tea/1"])

    class Curious(Notes):
        def connection_made(self, transport):
            super().connection_made(transport)
            self.cipher = transport.get_extra_info("cipher")

    protocol = Curious()
    making, peer = secure(protocol)
    exchange(until, peer, protocol, lambda: making.done() and peer.is_open)
    transport = making.result()[0]
    session = transport.get_extra_info("ssl_object")
    assert isinstance(session, ssl.SSLObject)
    assert session.selected_alpn_protocol() == "tea/1"
    assert transport.get_extra_info("sslcontext") is contexts.client
    assert transport.get_extra_info("cipher") == session.cipher() == protocol.cipher
    assert transport.get_extra_info("peercert")["subjectAltName"][0] == ("DNS", "localhost")
    assert transport.get_extra_info("compression", "none") is None
    # What it doesn't know itself its carrier does.
    assert transport.get_extra_info("socket").fileno() >= 0
    assert transport.get_extra_info("nonsense", 5) == 5


def test_a_transport_is_what_programs_ask_for(Notes, secure_link, server_side):
    transport, _peer = secure_link(Notes(), server_side=server_side)
    assert isinstance(transport, asyncio.Transport)
    assert transport.can_write_eof() is False
    with pytest.raises(NotImplementedError):
        transport.write_eof()
    assert not transport.is_closing()
    assert transport.get_write_buffer_size() == 0


@pytest.mark.parametrize("data", ["mocha", 5, None, [b"mocha"]])
def test_only_bytes_are_written(Notes, secure_link, data):
    transport, _peer = secure_link(Notes())
    with pytest.raises(TypeError, match="data: expecting a bytes-like instance, got"):
        transport.write(data)
    assert not transport.is_closing()


def test_a_session_class_of_the_users_is_asked(Notes, secure_link, until, contexts):
    calls = []

    class Session(ssl.SSLObject):
        def read(self, *args):
            calls.append("read")
            return super().read(*args)

        def write(self, data):
            calls.append("write")
            return super().write(data)

    contexts.client.sslobject_class = Session
    protocol = Notes()
    transport, peer = secure_link(protocol)
    assert isinstance(transport.get_extra_info("ssl_object"), Session)
    transport.write(b"mocha")
    peer.write(b"latte")
    exchange(until, peer, protocol, lambda: protocol.received == b"latte")
    exchange(until, peer, protocol, lambda: peer.received == b"mocha")
    assert {"read", "write"} == set(calls)


def test_a_patched_session_is_asked(Notes, secure_link, until, monkeypatch):
    calls = []
    read = ssl.SSLObject.read
    monkeypatch.setattr(
        ssl.SSLObject, "read", lambda self, *args: calls.append(1) or read(self, *args)
    )
    protocol = Notes()
    _transport, peer = secure_link(protocol)
    calls.clear()
    # The peer's own calls are the test's.
    monkeypatch.setattr(peer, "session", peer.session._sslobj)
    peer.session.write(b"latte")
    peer.flush()
    until(lambda: protocol.received == b"latte")
    assert calls


def test_an_older_tls_will_do(Notes, secure_link, until, contexts):
    contexts.client.maximum_version = ssl.TLSVersion.TLSv1_2
    protocol = Notes()
    transport, peer = secure_link(protocol)
    assert transport.get_extra_info("ssl_object").version() == "TLSv1.2"
    for _ in range(3):
        transport.write(b"mocha")
        peer.write(b"latte")
    exchange(until, peer, protocol, lambda: peer.received == b"mocha" * 3)
    exchange(until, peer, protocol, lambda: protocol.received == b"latte" * 3)


def test_a_file_is_sent_by_reading_it(Notes, secure_link, until, loop, tmp_path):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    content = MESSAGE * 300
    path = tmp_path / "menu"
    path.write_bytes(content)
    with path.open("rb") as file:
        with pytest.raises(RuntimeError, match="fallback is disabled"):
            loop.run_until_complete(loop.sendfile(transport, file, fallback=False))
        sending = loop.create_task(loop.sendfile(transport, file, 5))
        loop.run_until_complete(take_all(loop, peer, sending))
        assert sending.result() == len(content) - 5
        assert file.tell() == len(content)
    exchange(until, peer, protocol, lambda: len(peer.received) == len(content) - 5)
    assert peer.received == content[5:]
    peer.write(b"mocha")
    exchange(until, peer, protocol, lambda: protocol.received == b"mocha")


async def take_all(loop, peer, sending):
    """Reads as fast as a thread that reads the file, which no turns can be counted for."""
    arrived = loop.create_future()

    def take():
        peer.move()
        if sending.done() and not arrived.done():
            arrived.set_result(None)

    # The peer's socket is plain, and nobody else's.
    loop.add_reader(peer.sock, take)
    sending.add_done_callback(lambda _: take())
    await arrived
    loop.remove_reader(peer.sock)


def test_unix_sockets_carry_tls(run, contexts, tmp_path):
    path = str(tmp_path / "door")

    async def main():
        async def echo(reader, writer):
            writer.write(await reader.readexactly(5))
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_unix_server(echo, path, ssl=contexts.server)
        async with server:
            reader, writer = await asyncio.open_unix_connection(
                path, ssl=contexts.client, server_hostname="localhost"
            )
            writer.write(b"mocha")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert run(main) == b"mocha"


def test_the_default_context_doubts_this_server(run, contexts):
    async def main():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=contexts.server)
        async with server:
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=True)

    run(main)


# asyncio's sends a record for each.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_the_writes_of_a_turn_share_records(Notes, secure_link, until, loop):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    before = len(peer.received_raw)
    for _ in range(50):
        loop.call_soon(transport.write, b"mocha")
    exchange(until, peer, protocol, lambda: peer.received == b"mocha" * 50)
    assert len(records(peer.received_raw[before:])) == 2
    # It is expected to do so again.
    before = len(peer.received_raw)
    loop.call_soon(transport.writelines, [b"latte"] * 50)
    loop.call_soon(transport.write, b"latte")
    exchange(until, peer, protocol, lambda: peer.received.count(b"latte") == 51)
    assert len(records(peer.received_raw[before:])) == 1


def records(raw):
    """The lengths of TLS records (RFC 8446, 5.1)."""
    lengths = []
    while raw:
        length = int.from_bytes(raw[3:5])
        lengths.append(length)
        raw = raw[5 + length :]
    return lengths


# The last message of asyncio's handshake waits until reading is resumed.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_protocol_may_pause_reading_from_the_beginning(Notes, secure, until):
    class Reluctant(Notes):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()

    protocol = Reluctant()
    making, peer = secure(protocol)
    exchange(until, peer, protocol, lambda: making.done() and peer.is_open)
    peer.write(b"mocha")
    protocol.transport.resume_reading()
    exchange(until, peer, protocol, lambda: protocol.received == b"mocha")


# asyncio's reads into slices of it, which are copies.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_buffer_need_not_be_a_view(secure_link, until):
    class Cup(asyncio.BufferedProtocol):
        def __init__(self):
            self.cup = bytearray(1000)
            self.received = b""

        def get_buffer(self, sizehint):
            return self.cup

        def buffer_updated(self, nbytes):
            self.received += self.cup[:nbytes]
            # It is the protocol's own again, to do with what it likes.
            self.cup.extend(b"more room")

    protocol = Cup()
    _transport, peer = secure_link(protocol)
    for _ in range(5):
        peer.session.write(b"mocha")
    peer.flush()
    exchange(until, peer, protocol, lambda: len(protocol.received) == 25)
    assert protocol.received == b"mocha" * 5


# asyncio's takes no room for the end of the stream.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_buffer_without_room_is_an_error(secure_link, until, loop):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))

    class Cup(asyncio.BufferedProtocol):
        lost = False

        def get_buffer(self, sizehint):
            return bytearray()

        def connection_lost(self, error):
            self.lost = True

    protocol = Cup()
    _transport, peer = secure_link(protocol)
    peer.write(b"mocha")
    until(lambda: protocol.lost)
    assert str(reports[0]["exception"]) == "get_buffer() returned an empty buffer"


# asyncio's closes the connection for it.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_only_bytes_are_written_by_lines(Notes, secure_link):
    transport, _peer = secure_link(Notes())
    with pytest.raises(TypeError):
        transport.writelines([b"mocha", "latte"])
    assert not transport.is_closing()
