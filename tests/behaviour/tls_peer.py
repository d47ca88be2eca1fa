"""The far side of a TLS connection: Python's ssl on a plain socket, moved by the test.

It does nothing by itself and never waits, so that a test says in which order things happen.
"""

import contextlib
import socket
import ssl
from pathlib import Path

# For localhost, and its own authority; the file says how it was made.
CERTIFICATE = Path(__file__).resolve().parents[2] / "benches" / "load" / "localhost.pem"


def client_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(CERTIFICATE)
    return context


def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


class Peer:
    """One side, whose socket takes and gives at most `step` bytes each time it is moved."""

    def __init__(self, sock, context, *, server_side, step=1 << 20):
        sock.setblocking(False)
        self.sock = sock
        self.step = step
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        hostname = None if server_side else "localhost"
        self.session = context.wrap_bio(
            self.incoming, self.outgoing, server_side=server_side, server_hostname=hostname
        )
        self.unsent = b""
        self.received = bytearray()
        # What was sent and received as it is on the wire.
        self.sent_raw = bytearray()
        self.received_raw = bytearray()
        self.is_open = False
        # How it ended: a last word, the end of the stream, or a reset.
        self.ends = []

    def move(self):
        """Take what has come, answer it, and send what there is to send."""
        self._receive()
        with contextlib.suppress(ssl.SSLWantReadError):
            if not self.is_open:
                self.session.do_handshake()
                self.is_open = True
            while "last word" not in self.ends:
                self.received += self._read()
        self.flush()

    def _read(self):
        # Said in two ways: the second, if it has said its own before.
        with contextlib.suppress(ssl.SSLZeroReturnError):
            if data := self.session.read(1 << 16):
                return data
        self.ends.append("last word")
        return b""

    def _receive(self):
        try:
            data = self.sock.recv(self.step)
        except BlockingIOError:
            return
        except ConnectionError:
            self.ends.append("reset")
            return
        if not data and "end" not in self.ends:
            self.ends.append("end")
        self.received_raw += data
        self.incoming.write(data)

    def flush(self):
        """Send what is encrypted, as far as the socket takes it."""
        self.unsent += self.outgoing.read()
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while self.unsent:
                count = self.sock.send(self.unsent[: self.step])
                self.sent_raw += self.unsent[:count]
                self.unsent = self.unsent[count:]
                if self.step < 1 << 20:
                    return

    def move_at_most(self, total):
        """The same, but end the stream after so many bytes in all."""
        self._receive()
        if not self.is_open:
            with contextlib.suppress(ssl.SSLError):
                self.session.do_handshake()
                self.is_open = True
        self.unsent += self.outgoing.read()
        with contextlib.suppress(ConnectionError):
            room = total - len(self.sent_raw)
            count = self.sock.send(self.unsent[:room]) if room and self.unsent else 0
            self.sent_raw += self.unsent[:count]
            self.unsent = self.unsent[count:]
            if len(self.sent_raw) == total:
                self.sock.shutdown(socket.SHUT_WR)

    def write(self, data):
        """Encrypt, and send what the socket takes of it now."""
        view = memoryview(data)
        while view:
            view = view[self.session.write(view) :]
        self.flush()

    def say_last_word(self):
        """Begin or end the shutdown."""
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            self.session.unwrap()
        self.flush()
