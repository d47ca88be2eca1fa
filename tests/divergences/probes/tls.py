"""TLS, and the change to it in the middle of a connection."""

import asyncio
import contextlib
import socket
import ssl
import threading

import trustme

from . import behaviour, of, turn, turns_until, yes
from .connections import Notes

LIMIT_SECONDS = 20


def contexts():
    """Those of a server, and of a client that trusts it."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


class Client:
    """A TLS client that decides itself what goes into one packet."""

    def __init__(self, sock, context):
        self.sock = sock
        sock.settimeout(LIMIT_SECONDS)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def attempt(self, step, *args):
        """Runs a step, reading as often as it needs to, and sends nothing of the last attempt."""
        while True:
            try:
                return step(*args)
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.sock.recv(65536))

    def flush(self):
        self.sock.sendall(self.outgoing.read())


@contextlib.contextmanager
def upgrading(loop, far_end, protocol):
    """A connection of which the loop has one end, and a thread the other."""
    near, far = socket.socketpair()
    stranger = threading.Thread(target=far_end, args=(far,))
    with far:
        stranger.start()
        transport, _ = loop.run_until_complete(loop.create_connection(lambda: protocol, sock=near))
        yield transport
        transport.abort()
        stranger.join()


@behaviour("`start_tls`: data in one packet with the handshake's end reach the protocol")
def data_with_the_end_of_the_handshake(loop):
    server, client = contexts()
    begun = threading.Event()

    def far_end(sock):
        peer = Client(sock, client)
        begun.wait()
        with contextlib.suppress(OSError):
            peer.attempt(peer.tls.do_handshake)
            peer.tls.write(b"coffee")
            peer.flush()

    protocol = Notes()
    with upgrading(loop, far_end, protocol) as transport:
        made = loop.create_task(loop.start_tls(transport, protocol, server, server_side=True))
        # What comes earlier is the protocol's.
        turn(loop)
        begun.set()
        ended = of(loop, asyncio.wait_for(made, LIMIT_SECONDS))
        if ended != "works":
            return ended
        return yes(turns_until(loop, lambda: protocol.received == b"coffee"))


@behaviour(
    "`StreamWriter.start_tls`: what the reader has read of the handshake already is used",
    "as since 3.14",
)
def early_handshake(loop):
    server, client = contexts()

    async def main(reader, writer):
        await reader.readexactly(1)
        # The rest of that packet is here by now, and belongs to TLS.
        await writer.start_tls(server, ssl_handshake_timeout=2)
        return await reader.readexactly(6)

    async def begin():
        near, far = socket.socketpair()

        def far_end():
            with far, contextlib.suppress(OSError, ssl.SSLError):
                peer = Client(far, client)
                with contextlib.suppress(ssl.SSLWantReadError):
                    peer.tls.do_handshake()
                far.sendall(b"!" + peer.outgoing.read())
                peer.attempt(peer.tls.do_handshake)
                peer.tls.write(b"coffee")
                peer.flush()

        stranger = threading.Thread(target=far_end)
        stranger.start()
        served = asyncio.get_running_loop().create_future()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader, lambda *ends: served.set_result(ends))
        await loop.create_connection(lambda: protocol, sock=near)
        reader, writer = await served
        try:
            return await asyncio.wait_for(main(reader, writer), LIMIT_SECONDS) == b"coffee"
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False
        finally:
            writer.transport.abort()
            await asyncio.to_thread(stranger.join)

    return yes(loop.run_until_complete(begin()))


@behaviour("a client that doesn't speak TLS is sent away, and the server goes on")
def a_handshake_that_fails(loop):
    server, _ = contexts()
    loop.set_exception_handler(lambda *_: None)
    serving = loop.run_until_complete(loop.create_server(Notes, "127.0.0.1", 0, ssl=server))
    with socket.create_connection(serving.sockets[0].getsockname()) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        sock.setblocking(False)
        ended = []

        def looks():
            with contextlib.suppress(BlockingIOError, ConnectionResetError):
                while data := sock.recv(100):
                    pass
                ended.append(data)
            return ended

        turns_until(loop, looks)
    goes_on = serving.is_serving()
    serving.close()
    return yes(goes_on and ended)
