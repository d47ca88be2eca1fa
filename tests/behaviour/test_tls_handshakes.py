"""What stands at the edges of a handshake: data in its last packet, and a second handshake."""

import asyncio
import contextlib
import shutil
import ssl

import pytest
import tls_peer

# A server of TLS 1.3 has the first word after the handshake, one of 1.2 the last word in it.
VERSIONS = {True: ssl.TLSVersion.TLSv1_3, False: ssl.TLSVersion.TLSv1_2}


@pytest.fixture
def last_flight(until):
    """Shakes hands as a peer that sends its first data in one packet with its last flight."""

    def last_flight(peer, data):
        def is_done():
            peer._receive()
            with contextlib.suppress(ssl.SSLWantReadError):
                peer.session.do_handshake()
                peer.is_open = True
                peer.session.write(data)
            peer.flush()
            return peer.is_open

        until(is_done)

    return last_flight


@pytest.mark.parametrize("server_side", [False, True])
def test_data_in_the_last_packet_of_a_handshake_arrives(
    Notes, secure, until, contexts, last_flight, server_side
):
    limit(contexts, VERSIONS[server_side])
    protocol = Notes()
    making, peer = secure(protocol, server_side=server_side)
    last_flight(peer, b"latte")
    until(making.done)
    until(lambda: protocol.received)
    assert protocol.told == ["made", b"latte"]


@pytest.mark.parametrize("server_side", [False, True])
def test_data_in_the_last_packet_arrives_when_tls_is_put_on_a_connection(
    Notes, loop, link, until, contexts, last_flight, server_side
):
    limit(contexts, VERSIONS[server_side])
    protocol = Notes()
    transport, far = link(protocol)
    mine, others = contexts.client, contexts.server
    if server_side:
        mine, others = others, mine
    hostname = None if server_side else "localhost"
    starting = loop.create_task(
        loop.start_tls(
            transport, protocol, mine, server_side=server_side, server_hostname=hostname
        )
    )
    peer = tls_peer.Peer(far, others, server_side=not server_side)
    last_flight(peer, b"latte")
    until(starting.done)
    until(lambda: protocol.received)
    assert protocol.told == ["made", b"latte"]
    starting.result().abort()
    until(lambda: protocol.is_lost)


def test_what_a_client_sent_before_the_server_began_is_its_greeting(
    Notes, loop, link, until, contexts
):
    """It waits in the kernel while reading is paused, until TLS is put on the connection."""
    protocol = Notes()
    transport, far = link(protocol)
    transport.pause_reading()
    peer = tls_peer.Peer(far, contexts.client, server_side=False)
    peer.move()
    assert peer.sent_raw
    starting = loop.create_task(
        loop.start_tls(transport, protocol, contexts.server, server_side=True)
    )
    until(lambda: peer.move() or (starting.done() and peer.is_open))
    peer.write(b"latte")
    until(lambda: protocol.received == b"latte")
    starting.result().abort()
    until(lambda: protocol.is_lost)


def limit(contexts, version):
    for context in (contexts.client, contexts.server):
        context.minimum_version = context.maximum_version = version


# `SSL_OP_ALLOW_CLIENT_RENEGOTIATION` of OpenSSL 3, which Python has no name for.
ALLOWED = 1 << 8


@pytest.mark.skipif(shutil.which("openssl") is None, reason="Python's ssl can't ask for it")
@pytest.mark.parametrize("is_allowed", [False, True])
def test_a_second_handshake_is_refused_unless_the_context_allows_it(run, contexts, is_allowed):
    """OpenSSL's own client asks for one at a line of "R", which only TLS 1.2 knows of."""
    contexts.server.maximum_version = ssl.TLSVersion.TLSv1_2
    if is_allowed:
        contexts.server.options |= ALLOWED
    received = bytearray()

    async def serve(reader, writer):
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            while data := await reader.read(1 << 16):
                received.extend(data)
                writer.write(data)
        writer.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=contexts.server)
        port = server.sockets[0].getsockname()[1]
        async with server:
            client = await asyncio.create_subprocess_exec(
                *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-brief"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            client.stdin.write(b"latte\n")
            await client.stdout.readuntil(b"latte\n")
            # It takes a line for a command if it comes by itself.
            client.stdin.write(b"R\n")
            await client.stdout.readuntil(b"RENEGOTIATING\n")
            client.stdin.write(b"mocha\n")
            try:
                answer = await client.stdout.readuntil(b"mocha\n")
            except asyncio.IncompleteReadError as error:
                answer = error.partial
            client.stdin.close()
            return answer, await client.wait()

    answer, code = run(main)
    if is_allowed:
        assert b"mocha\n" in answer
        assert (code, received) == (0, b"latte\nmocha\n")
    else:
        assert b"no renegotiation" in answer
        assert (code, received) == (1, b"latte\n")
