"""What goes wrong with TLS: garbage, ends and resets in every state, certificates, impatience."""

import asyncio
import gc
import logging
import socket
import ssl
import struct
import weakref

import pytest
import tls_peer

GARBAGE = b"GET / HTTP/1.1\r\nHost: cafe\r\n\r\n"


@pytest.fixture(params=["client", "server"])
def server_side(request):
    """Which side is the loop's."""
    return request.param == "server"


def reset(sock):
    """Close so that the other side is told of an error."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_garbage_in_the_place_of_a_handshake_fails_it(Notes, secure, until, server_side):
    protocol = Notes()
    making, peer = secure(protocol, server_side=server_side)
    peer.sock.send(GARBAGE)
    until(making.done)
    assert isinstance(making.exception(), ssl.SSLError)
    assert protocol.told == []


def test_garbage_after_the_handshake_ends_the_connection(
    Notes, secure_link, until, server_side
):
    protocol = Notes()
    _transport, peer = secure_link(protocol, server_side=server_side)
    peer.sock.send(GARBAGE)
    until(lambda: protocol.is_lost)
    assert protocol.told[0] == "made"
    assert issubclass(protocol.told[-1][1], ssl.SSLError)


def test_a_flipped_bit_ends_the_connection(Notes, secure_link, until):
    protocol = Notes()
    _transport, peer = secure_link(protocol)
    peer.write(b"mocha")
    until(lambda: protocol.received == b"mocha")
    peer.session.write(b"latte")
    record = bytearray(peer.outgoing.read())
    record[-1] ^= 1
    peer.sock.send(record)
    until(lambda: protocol.is_lost)
    assert protocol.received == b"mocha"
    assert issubclass(protocol.told[-1][1], ssl.SSLError)


# asyncio's loses what came before it in the same read.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_what_came_before_a_flipped_bit_is_handed_on(Notes, secure_link, until):
    protocol = Notes()
    _transport, peer = secure_link(protocol)
    peer.session.write(b"mocha")
    peer.session.write(b"latte")
    records = bytearray(peer.outgoing.read())
    records[-1] ^= 1
    peer.sock.send(records)
    until(lambda: protocol.is_lost)
    assert protocol.received == b"mocha"
    assert issubclass(protocol.told[-1][1], ssl.SSLError)


# By so much a signature may be shorter than another (ECDSA, in DER).
SIGNATURE_VARIES_BY = 8


def length_of_peers_part(contexts, server_side):
    """How many bytes the peer of an undisturbed handshake sends until the other is content."""
    near, far = socket.socketpair()
    with near, far:
        own = contexts.server if server_side else contexts.client
        others = contexts.client if server_side else contexts.server
        side = tls_peer.Peer(near, own, server_side=server_side)
        peer = tls_peer.Peer(far, others, server_side=not server_side)
        while True:
            side.move()
            if side.is_open:
                return len(peer.sent_raw)
            peer.move()


def test_a_handshake_that_ends_at_any_byte_fails(
    Notes, secure, until, loop_name, contexts, server_side
):
    length = length_of_peers_part(contexts, server_side)
    assert length > 100
    # For asyncio's own a few will do.
    every = 1 if loop_name == "cafeloop" else 41
    for place in range(0, length - SIGNATURE_VARIES_BY, every):
        protocol = Notes()
        making, peer = secure(protocol, server_side=server_side)

        def is_over(peer=peer, making=making, place=place):
            peer.move_at_most(place)
            return making.done()

        until(is_over)
        assert isinstance(making.exception(), ConnectionError | ssl.SSLError), place
        assert protocol.told == []


@pytest.mark.parametrize("way", ["end", "reset"])
@pytest.mark.parametrize("state", ["hello", "open", "busy", "paused", "closing"])
def test_a_carrier_that_breaks_in_any_state_ends_the_connection(
    Notes, loop, until, contexts, tcp_pair, way, state
):
    near, far = tcp_pair()
    protocol = Notes()
    making = loop.create_task(
        loop.create_connection(
            lambda: protocol, sock=near, ssl=contexts.client, server_hostname="localhost"
        )
    )
    with far:
        peer = tls_peer.Peer(far, contexts.server, server_side=True)
        if state == "hello":
            until(lambda: readable(far))
        else:
            until(lambda: peer.move() or (making.done() and peer.is_open))
            transport = making.result()[0]
            if state == "busy":
                transport.write(bytes(1 << 23))
            elif state == "paused":
                peer.write(b"mocha")
                transport.pause_reading()
            elif state == "closing":
                transport.close()
        if way == "reset":
            reset(far)
        else:
            far.shutdown(socket.SHUT_WR)
            if state == "busy":
                # Who takes nothing more is no reason to wait for ever.
                far.close()
        if state == "paused":
            until(lambda: protocol.is_lost or not transport.resume_reading())
        if state == "hello":
            until(making.done)
            assert isinstance(making.exception(), ConnectionError)
            assert protocol.told == []
        else:
            until(lambda: protocol.is_lost)
            assert protocol.told[0] == "made"
            assert sum(isinstance(entry, tuple) for entry in protocol.told) == 1
    until(lambda: near.fileno() == -1)


def readable(sock):
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    return True


def test_an_untrusted_certificate_fails_the_handshake(Notes, secure, together):
    protocol = Notes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    making, peer = secure(protocol, context=context)
    # The peer is told, but by its end: asyncio's sends no alert.
    together(peer, making.done)
    assert isinstance(making.exception(), ssl.SSLCertVerificationError)
    assert protocol.told == []


def test_a_certificate_for_somebody_else_fails_the_handshake(Notes, secure, together):
    protocol = Notes()
    making, peer = secure(protocol, server_hostname="elsewhere.example")
    together(peer, making.done)
    assert isinstance(making.exception(), ssl.SSLCertVerificationError)
    assert "Hostname mismatch" in str(making.exception())
    assert protocol.told == []


def test_a_handshake_that_takes_too_long_is_given_up(Notes, secure, loop, server_side):
    protocol = Notes()
    making, _peer = secure(protocol, server_side=server_side, ssl_handshake_timeout=0.001)
    with pytest.raises(
        ConnectionAbortedError,
        match=r"SSL handshake is taking longer than 0\.001 seconds: aborting the connection",
    ):
        loop.run_until_complete(making)
    assert protocol.told == []


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
@pytest.mark.parametrize("seconds", [0, -1])
def test_a_time_must_be_positive(loop, contexts, name, seconds):
    near, far = socket.socketpair()
    with near, far:
        with pytest.raises(ValueError, match=f"{name} should be a positive number, got {seconds}"):
            loop.run_until_complete(
                loop.create_connection(
                    asyncio.Protocol,
                    sock=near,
                    ssl=contexts.client,
                    server_hostname="",
                    **{name: seconds},
                )
            )


def test_a_server_needs_a_context(loop):
    near, far = socket.socketpair()
    with near, far:
        with pytest.raises(ValueError, match="Server side SSL needs a valid SSLContext"):
            loop.run_until_complete(loop.connect_accepted_socket(asyncio.Protocol, near, ssl=True))
        with pytest.raises(TypeError, match="ssl argument must be an SSLContext or None"):
            loop.run_until_complete(loop.create_server(asyncio.Protocol, "localhost", 0, ssl=True))


# asyncio's goes on with the handshake of a connection that nobody waits for, if it was
# cancelled in its first turn.
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_cancelled_handshake_leaves_nothing_behind(
    Notes, loop, until, turn, contexts, turns
):
    near, far = socket.socketpair()
    with far:
        protocol = Notes()
        made = loop.create_connection(
            lambda: protocol, sock=near, ssl=contexts.client, server_hostname="localhost"
        )
        making = loop.create_task(made)
        for _ in range(1 + turns):
            turn()
        making.cancel()
        until(making.done)
        assert making.cancelled()
        until(lambda: near.fileno() == -1)
        turn()
        seen = [weakref.ref(contexts.client), weakref.ref(protocol)]
        del making, protocol, contexts.client, made
        gc.collect()
        assert [reference() for reference in seen] == [None, None]


def test_a_slow_handshake_of_a_server_keeps_nobody_else_waiting(Notes, secure, together):
    slow, _idle = secure(Notes(), server_side=True)
    protocol = Notes()
    making, peer = secure(protocol, server_side=True)
    together(peer, lambda: making.done() and peer.is_open)
    assert not slow.done()


def test_a_failed_handshake_is_told_in_debug_mode(Notes, secure, until, loop, caplog):
    loop.set_debug(True)
    caplog.set_level(logging.DEBUG, "asyncio")
    making, peer = secure(Notes())
    peer.sock.send(GARBAGE)
    until(making.done)
    messages = [record.getMessage() for record in caplog.records]
    assert any(message.endswith("starts SSL handshake") for message in messages)
    assert any(message.endswith(": SSL handshake failed") for message in messages)
    assert isinstance(making.exception(), ssl.SSLError)


def test_debug_mode_says_that_it_was_the_certificate(Notes, secure, together, loop, caplog):
    loop.set_debug(True)
    caplog.set_level(logging.DEBUG, "asyncio")
    making, peer = secure(Notes(), context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    together(peer, making.done)
    messages = [record.getMessage() for record in caplog.records]
    text = ": SSL handshake failed on verifying the certificate"
    assert any(message.endswith(text) for message in messages)
    assert isinstance(making.exception(), ssl.SSLCertVerificationError)


def test_what_a_session_of_the_users_raises_fails_the_handshake(Notes, secure, together, loop):
    class Failing(ssl.SSLObject):
        def getpeercert(self, binary_form=False):
            raise LookupError("no certificate")

    context = tls_peer.client_context()
    context.sslobject_class = Failing
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    protocol = Notes()
    making, peer = secure(protocol, context=context)
    together(peer, making.done)
    assert isinstance(making.exception(), LookupError)
    assert [report["message"] for report in reports] == ["SSL handshake failed"]
    assert protocol.told == []


def test_a_handshake_is_timed_in_debug_mode(Notes, secure_link, loop, caplog):
    loop.set_debug(True)
    caplog.set_level(logging.DEBUG, "asyncio")
    secure_link(Notes())
    messages = [record.getMessage() for record in caplog.records]
    assert any(": SSL handshake took " in message for message in messages)


@pytest.mark.parametrize("debug", [False, True])
def test_a_servers_failed_handshake_is_reported_in_debug_mode(loop, until, contexts, debug):
    loop.set_debug(debug)
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    made = []

    def factory():
        made.append(asyncio.Protocol())
        return made[-1]

    server = loop.run_until_complete(
        loop.create_server(factory, "127.0.0.1", 0, ssl=contexts.server)
    )
    with socket.create_connection(server.sockets[0].getsockname()) as visitor:
        visitor.send(GARBAGE)
        visitor.setblocking(False)

        def is_hung_up():
            try:
                return visitor.recv(1 << 16) == b""
            except BlockingIOError:
                return False
            except ConnectionError:
                return True

        until(is_hung_up)
        until(lambda: bool(reports) or not debug)
    server.close()
    loop.run_until_complete(server.wait_closed())
    until(lambda: not asyncio.all_tasks(loop))
    if not debug:
        assert reports == []
        return
    (report,) = reports
    assert report["message"] == "Error on transport creation for incoming connection"
    assert isinstance(report["exception"], ssl.SSLError)
    assert report["protocol"] is made[0]
    assert report["transport"].is_closing()
