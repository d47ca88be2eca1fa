"""Connections for tests: one end is the loop's, the other a plain socket of the test's.

Nothing here waits for time to pass: what was sent on this machine has arrived, and a test runs
as many turns as it takes to see it.
"""

import asyncio
import contextlib
import socket
import sys
import types
from pathlib import Path

import pytest

# The random programs' folder stands beside the tests that import it.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import tls_peer  # noqa: E402

# Turns after which what hasn't come won't come.
MOST_TURNS = 10_000


class Notes(asyncio.Protocol):
    """Writes down what it is told."""

    def __init__(self, *, keeps_open=False):
        self.told = []
        self.keeps_open = keeps_open
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        self.told.append("made")

    def data_received(self, data):
        self.told.append(data)

    def eof_received(self):
        self.told.append("eof")
        return self.keeps_open

    def pause_writing(self):
        self.told.append("pause")

    def resume_writing(self):
        self.told.append("resume")

    def connection_lost(self, error):
        self.told.append(("lost", type(error)))

    @property
    def received(self):
        """All bytes that came, in one piece: how they were cut is nobody's business."""
        return b"".join(entry for entry in self.told if isinstance(entry, bytes))

    @property
    def is_lost(self):
        return any(entry[0] == "lost" for entry in self.told if isinstance(entry, tuple))


class DatagramNotes(asyncio.DatagramProtocol):
    """The same of datagrams."""

    def __init__(self):
        self.told = []

    def connection_made(self, transport):
        self.told.append("made")

    def datagram_received(self, data, addr):
        self.told.append((data, addr))

    def error_received(self, error):
        self.told.append(type(error))

    def pause_writing(self):
        self.told.append("pause")

    def resume_writing(self):
        self.told.append("resume")

    def connection_lost(self, error):
        self.told.append(("lost", type(error)))

    @property
    def received(self):
        entries = [entry for entry in self.told if isinstance(entry, tuple)]
        return [data for data, _ in entries if isinstance(data, bytes)]


LOST = ("lost", type(None))


@pytest.fixture(name="Notes")
def notes_class():
    return Notes


@pytest.fixture(name="DatagramNotes")
def datagram_notes_class():
    return DatagramNotes


@pytest.fixture(name="LOST")
def lost():
    """What a protocol notes of a connection that ended without an error."""
    return LOST


@pytest.fixture
def until(turn):
    """Runs turns until a condition holds."""

    def until(condition):
        for _ in range(MOST_TURNS):
            if condition():
                return
            turn()
        assert condition(), "it hasn't come about"

    return until


@pytest.fixture
def link(loop, until):
    """Connects a protocol with a plain socket, and ends what is left of it."""
    with contextlib.ExitStack() as stack:

        def link(protocol, *, pair=socket.socketpair):
            near, far = pair()
            stack.enter_context(far)
            far.setblocking(False)
            made = loop.create_connection(lambda: protocol, sock=near)
            transport, _ = loop.run_until_complete(made)
            stack.callback(end, transport)
            return transport, far

        def end(transport):
            # Some asyncios end a connection twice when it is aborted after its end.
            if transport.get_protocol() is not None:
                transport.abort()
            until(lambda: transport.get_protocol() is None)

        yield link


@pytest.fixture
def endpoint(loop, until):
    """Makes an endpoint of datagrams, which is ended after the test."""
    made = []

    def endpoint(protocol=None, **options):
        protocol = protocol or DatagramNotes()
        making = loop.create_datagram_endpoint(lambda: protocol, **options)
        transport, _ = loop.run_until_complete(making)
        made.append(transport)
        return transport, protocol

    yield endpoint
    for transport in made:
        # Some asyncios end one twice when it is aborted after its end.
        if transport.get_protocol() is not None:
            transport.abort()
        until(lambda transport=transport: transport.get_protocol() is None)


def tcp_pair():
    """Two TCP sockets that are connected with each other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # With its protocol, which accept() leaves out, and by which asyncio knows TCP.
        near = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
    return near, far


@pytest.fixture(name="tcp_pair")
def tcp_pair_fixture():
    return tcp_pair


@pytest.fixture
def receive():
    """All that a plain socket can be given now."""

    def receive(sock):
        received = bytearray()
        with contextlib.suppress(BlockingIOError):
            while data := sock.recv(1 << 20):
                received += data
        return bytes(received)

    return receive


@pytest.fixture
def fill():
    """Writes to a transport until the kernel takes no more, and says how many bytes."""

    def fill(transport, chunk=bytes(65536)):
        written = 0
        while transport.get_write_buffer_size() == 0:
            transport.write(chunk)
            written += len(chunk)
        return written

    return fill


@pytest.fixture
def contexts():
    """What a client believes a server by, and what that server shows."""
    return types.SimpleNamespace(
        client=tls_peer.client_context(), server=tls_peer.server_context()
    )


@pytest.fixture
def secure(loop, until, contexts):
    """Begins a TLS connection between a protocol and a peer that the test moves."""
    with contextlib.ExitStack() as stack:

        def secure(protocol, *, server_side=False, step=1 << 20, context=None, **options):
            near, far = socket.socketpair()
            stack.enter_context(far)
            if server_side:
                peer = tls_peer.Peer(far, contexts.client, server_side=False, step=step)
                made = loop.connect_accepted_socket(
                    lambda: protocol, near, ssl=context or contexts.server, **options
                )
            else:
                peer = tls_peer.Peer(far, contexts.server, server_side=True, step=step)
                options = {"server_hostname": "localhost", **options}
                made = loop.create_connection(
                    lambda: protocol, sock=near, ssl=context or contexts.client, **options
                )
            making = loop.create_task(made)
            stack.callback(end, making, near)
            return making, peer

        def end(making, near):
            making.cancel()
            until(making.done)
            if not making.cancelled() and making.exception() is None:
                making.result()[0].abort()
            until(lambda: near.fileno() == -1)

        yield secure


@pytest.fixture
def together(until):
    """Runs turns and moves the peer until a condition holds."""

    def together(peer, condition):
        def comes_about():
            peer.move()
            return condition()

        until(comes_about)

    return together


@pytest.fixture
def secure_link(secure, until):
    """The same, when the handshake is done: the transport and the peer."""

    def secure_link(protocol, **options):
        making, peer = secure(protocol, **options)

        def is_made():
            peer.move()
            return making.done() and peer.is_open

        until(is_made)
        return making.result()[0], peer

    return secure_link
