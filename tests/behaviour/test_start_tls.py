"""TLS put on a connection that is there already, and on TLS itself."""

import asyncio
import socket
import ssl
import sys

import pytest
import tls_peer


@pytest.fixture
def upgrade(loop, until, link, contexts):
    """Makes a plain connection, puts TLS on it, and returns the new transport and its peer."""

    def upgrade(protocol, *, server_side=False, **options):
        transport, far = link(protocol)
        context = contexts.server if server_side else contexts.client
        other = contexts.client if server_side else contexts.server
        if not server_side:
            options = {"server_hostname": "localhost", **options}
        starting = loop.create_task(
            loop.start_tls(transport, protocol, context, server_side=server_side, **options)
        )
        peer = tls_peer.Peer(far, other, server_side=not server_side)
        until(lambda: peer.move() or (starting.done() and peer.is_open))
        return starting.result(), peer

    return upgrade


@pytest.mark.parametrize("server_side", [False, True])
def test_either_side_may_begin(Notes, LOST, upgrade, until, server_side):
    protocol = Notes()
    transport, peer = upgrade(protocol, server_side=server_side)
    # It was made before, and not again.
    assert protocol.told == ["made"]
    transport.write(b"mocha")
    peer.write(b"latte")
    until(lambda: peer.move() or (peer.received == b"mocha" and protocol.received == b"latte"))
    transport.close()
    until(lambda: peer.move() or "last word" in peer.ends)
    peer.say_last_word()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", b"latte", "eof", LOST]


def test_the_plain_transport_becomes_the_carrier(Notes, upgrade):
    protocol = Notes()
    transport, _peer = upgrade(protocol)
    assert transport is not protocol.transport
    assert transport.get_protocol() is protocol
    assert protocol.transport.get_protocol() is not protocol
    assert transport.get_extra_info("socket") is protocol.transport.get_extra_info("socket")


def test_a_handshake_that_is_cancelled_closes_the_connection(Notes, loop, link, contexts, until):
    protocol = Notes()
    transport, far = link(protocol)
    starting = loop.create_task(
        loop.start_tls(transport, protocol, contexts.client, server_hostname="localhost")
    )
    until(lambda: readable(far))
    starting.cancel()
    until(starting.done)
    assert starting.cancelled()
    assert transport.is_closing()
    until(lambda: transport.get_protocol() is None)
    far.recv(1 << 16)
    assert far.recv(1) == b""


def readable(sock):
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    return True


def test_a_handshake_that_fails_closes_the_connection(Notes, loop, link, contexts, until):
    protocol = Notes()
    transport, far = link(protocol)
    starting = loop.create_task(
        loop.start_tls(transport, protocol, contexts.client, server_hostname="localhost")
    )
    until(lambda: readable(far))
    far.send(b"this isn't TLS")
    until(starting.done)
    assert isinstance(starting.exception(), ssl.SSLError)
    until(lambda: protocol.is_lost)
    assert transport.is_closing()


def test_a_carrier_that_is_lost_in_the_handshake_fails_it(Notes, loop, link, contexts, until):
    protocol = Notes()
    transport, far = link(protocol)
    starting = loop.create_task(
        loop.start_tls(transport, protocol, contexts.client, server_hostname="localhost")
    )
    far.close()
    until(starting.done)
    assert isinstance(starting.exception(), ConnectionError)
    until(lambda: transport.get_protocol() is None)


def test_wrong_arguments_are_refused(Notes, loop, link, contexts):
    protocol = Notes()
    transport, _far = link(protocol)

    def start(*args, **options):
        loop.run_until_complete(loop.start_tls(*args, **options))

    with pytest.raises(TypeError, match="sslcontext is expected to be an instance of ssl.SSLCon"):
        start(transport, protocol, None)
    with pytest.raises(TypeError, match="transport <object.*> is not supported by start_tls()"):
        start(object(), protocol, contexts.client)
    with pytest.raises(ValueError, match="ssl_handshake_timeout should be a positive number"):
        start(transport, protocol, contexts.client, ssl_handshake_timeout=0)
    assert not transport.is_closing()


@pytest.mark.parametrize("outer_is_server", [False, True])
def test_tls_goes_over_tls(Notes, secure_link, loop, until, contexts, outer_is_server):
    outer_protocol = Notes()
    outer, outer_peer = secure_link(outer_protocol, server_side=outer_is_server)
    inner_protocol = Notes()
    starting = loop.create_task(
        loop.start_tls(outer, inner_protocol, contexts.client, server_hostname="localhost")
    )
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        inner_peer = tls_peer.Peer(far, contexts.server, server_side=True)

        def move():
            # The outer peer's plaintext is what the inner one's socket gives and takes.
            outer_peer.move()
            near.send(outer_peer.received)
            outer_peer.received.clear()
            inner_peer.move()
            try:
                outer_peer.write(near.recv(1 << 16))
            except BlockingIOError:
                pass

        until(lambda: move() or (starting.done() and inner_peer.is_open))
        inner = starting.result()
        inner.write(b"mocha" * 10000)
        inner_peer.write(b"latte" * 10000)
        until(lambda: move() or len(inner_peer.received) == len(inner_protocol.received) == 50000)
        assert inner_peer.received == b"mocha" * 10000
        assert inner_protocol.received == b"latte" * 10000
        assert outer_protocol.received == b""
        assert inner.get_extra_info("socket") is outer.get_extra_info("socket")
        inner.abort()
        until(lambda: inner_protocol.is_lost)
        assert outer.get_protocol() is None


class Carrier(asyncio.Transport):
    """A transport that somebody else wrote, which asyncio's TLS goes on as well."""

    _start_tls_compatible = True

    def __init__(self, transport):
        super().__init__()
        self._transport = transport

    def __getattribute__(self, name):
        if name in ("_transport", "__class__", "_start_tls_compatible"):
            return super().__getattribute__(name)
        return getattr(super().__getattribute__("_transport"), name)


def test_a_transport_of_the_users_may_carry_tls(Notes, loop, link, contexts, until):
    protocol = Notes()
    transport, far = link(protocol)
    starting = loop.create_task(
        loop.start_tls(Carrier(transport), protocol, contexts.client, server_hostname="localhost")
    )
    peer = tls_peer.Peer(far, contexts.server, server_side=True)
    until(lambda: peer.move() or (starting.done() and peer.is_open))
    starting.result().write(b"mocha")
    peer.write(b"latte")
    until(lambda: peer.move() or (peer.received == b"mocha" and protocol.received == b"latte"))
    starting.result().abort()
    until(lambda: protocol.is_lost)


# --- asyncio's streams


async def lines(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


def test_streams_over_tls(run, contexts):
    async def main():
        server = await asyncio.start_server(lines, "127.0.0.1", 0, ssl=contexts.server)
        async with server:
            reader, writer = await asyncio.open_connection(
                *server.sockets[0].getsockname(), ssl=contexts.client, server_hostname="localhost"
            )
            assert not writer.can_write_eof()
            writer.write(b"mocha\nlat")
            writer.write(b"te\n")
            await writer.drain()
            answers = [await reader.readline(), await reader.readline()]
            writer.close()
            await writer.wait_closed()
        return answers

    assert run(main) == [b"MOCHA\n", b"LATTE\n"]


def test_streams_start_tls_in_their_midst(run, contexts):
    async def serve(reader, writer):
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go\n")
        await writer.start_tls(contexts.server)
        await lines(reader, writer)

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"STARTTLS\n")
            assert await reader.readline() == b"go\n"
            await writer.start_tls(contexts.client, server_hostname="localhost")
            writer.write(b"mocha\n")
            answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return answer

    assert run(main) == b"MOCHA\n"


# asyncio's has it since Python 3.14.
WHO_FINDS_IT = ["asyncio", "cafeloop"] if sys.version_info >= (3, 14) else ["cafeloop"]


@pytest.mark.parametrize("loop_name", WHO_FINDS_IT, indirect=True)
def test_a_handshake_that_came_early_is_found(run, contexts):
    """A client that doesn't wait for the answer sends its greeting with its request."""
    taken = []
    served = asyncio.Event()

    async def serve(reader, writer):
        taken.append(await reader.readline())
        # What has come behind the line is the stream's by now.
        await asyncio.sleep(0)
        await writer.start_tls(contexts.server)
        taken.append(await reader.readline())
        writer.close()
        await writer.wait_closed()
        served.set()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        loop = asyncio.get_running_loop()
        async with server:
            with socket.socket() as sock:
                sock.setblocking(False)
                await loop.sock_connect(sock, server.sockets[0].getsockname())
                peer = tls_peer.Peer(sock, contexts.client, server_side=False)
                with pytest.raises(ssl.SSLWantReadError):
                    peer.session.do_handshake()
                await loop.sock_sendall(sock, b"STARTTLS\n" + peer.outgoing.read())
                while not peer.is_open:
                    peer.incoming.write(await loop.sock_recv(sock, 1 << 16))
                    peer.move()
                peer.write(b"mocha\n")
                while "last word" not in peer.ends:
                    peer.incoming.write(await loop.sock_recv(sock, 1 << 16))
                    peer.move()
                peer.say_last_word()
                await served.wait()

    run(main)
    assert taken == [b"STARTTLS\n", b"mocha\n"]
