"""Transports, protocols and servers."""

import asyncio
import contextlib
import resource
import socket
import struct
import tempfile
import warnings

from . import behaviour, of, reports, turn, turns_until, yes

A_RESET = struct.pack("ii", 1, 0)


class Notes(asyncio.Protocol):
    def __init__(self):
        self.lost = []
        self.received = b""
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data

    def connection_lost(self, error):
        self.lost.append(error)


@contextlib.contextmanager
def linked(loop, protocol=None):
    """A transport, and a plain socket at its other end."""
    near, far = socket.socketpair()
    with far:
        far.setblocking(False)
        protocol = protocol or Notes()
        transport, _ = loop.run_until_complete(
            loop.create_connection(lambda: protocol, sock=near)
        )
        yield transport, far, protocol
        transport.abort()
        turns_until(loop, lambda: protocol.lost)


@contextlib.contextmanager
def served(loop, factory):
    """The address of a server."""
    server = loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0))
    yield server.sockets[0].getsockname()
    server.close()
    turn(loop)


def received(sock):
    try:
        return sock.recv(1 << 24)
    except BlockingIOError:
        return b""


def drained(loop, sock, protocol, size):
    whole = bytearray()

    def all_there():
        whole.extend(received(sock))
        return len(whole) >= size

    turns_until(loop, all_there)
    return bytes(whole)


@behaviour(
    "`write(a)`, `write(b)`: what is with the kernel when they return",
    "the rest of a turn's writes is sent together at its end, header and body in one call",
)
def two_writes(loop):
    with linked(loop) as (transport, far, _):
        seen = []

        def write():
            transport.write(b"a")
            transport.write(b"b")
            seen.append(received(far).decode() or "nothing")

        loop.call_soon(write)
        turn(loop)
    return seen[0]


@behaviour(
    "`one.write(a)`, `other.write(b)`: what is with the kernel when they return",
    "whoever waits for several connections is woken once for all that a turn sends",
)
def writes_of_two(loop):
    with linked(loop) as (one, far, _), linked(loop) as (other, other_far, _):
        seen = []

        def write():
            one.write(b"a")
            other.write(b"b")
            seen.append((received(far) + received(other_far)).decode() or "nothing")

        loop.call_soon(write)
        turn(loop)
    return seen[0]


@behaviour(
    "`write(a)`, then `write(b)`, on a connection that did so in its last turn",
    "who wrote several times has all of them sent together",
)
def two_writes_again(loop):
    with linked(loop) as (transport, far, _):
        seen = []

        def write():
            transport.write(b"a")
            transport.write(b"b")
            seen.append(received(far).decode() or "nothing")

        for _ in range(2):
            loop.call_soon(write)
            turn(loop)
            turn(loop)
            received(far)
    return seen[1]


@behaviour(
    "a bytearray that is changed after `write`, while it waits: what is sent",
    "the buffer is its owner's again once `write` returns",
)
def a_buffer_that_changes(loop):
    with linked(loop) as (transport, far, protocol):
        size = 1 << 24
        transport.write(bytes(size))
        data = bytearray(b"latte")
        transport.write(data)
        data[:] = b"mocha"
        whole = drained(loop, far, protocol, size + 5)
    return {b"latte": "what it was", b"mocha": "what it became"}[whole[size:]]


@behaviour("the protocol factory of a server is called in a task", "a task tells nobody anything")
def where_factories_are_called(loop):
    seen = []

    def factory():
        try:
            seen.append(asyncio.current_task(loop) is not None)
        except RuntimeError:
            seen.append(False)
        return Notes()

    with served(loop, factory) as address, socket.create_connection(address):
        turns_until(loop, lambda: seen)
        turn(loop)
    return yes(*seen)


@behaviour("a connection whose protocol factory fails: its client sees", "it is closed at once")
def a_factory_that_fails(loop):
    kept = []

    def factory():
        try:
            raise ValueError("spilt")
        except ValueError as error:
            # As whoever logs it does.
            kept.append(error)
            raise

    with reports(loop), served(loop, factory) as address:
        with socket.create_connection(address) as sock:
            sock.setblocking(False)
            turns_until(loop, lambda: kept)
            for _ in range(5):
                turn(loop)
            try:
                return "the end" if sock.recv(1) == b"" else "data"
            except BlockingIOError:
                return "nothing"
            except ConnectionResetError:
                return "the end"


@behaviour("`abort()` twice: `connection_lost` is called", "python/cpython#156512")
def aborting_twice(loop):
    with linked(loop) as (transport, _, protocol):
        transport.abort()
        transport.abort()
        for _ in range(5):
            turn(loop)
        transport.abort()
        for _ in range(5):
            turn(loop)
        return {1: "once", 2: "twice"}.get(len(protocol.lost), "more often")


@behaviour(
    "`accept()` without descriptors left, with 20 clients waiting: reports",
    "tried again after a second",
)
def no_descriptors_left(loop):
    async def main():
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (4, hard))
        for _ in range(5):
            await asyncio.sleep(0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    with contextlib.ExitStack() as stack, reports(loop) as seen:
        address = stack.enter_context(served(loop, Notes))
        clients = [stack.enter_context(socket.socket()) for _ in range(20)]
        for client in clients:
            client.connect(address)
        loop.run_until_complete(main())
        return "none" if not seen else "1" if len(seen) == 1 else "many"


@behaviour("`get_extra_info('socket')`")
def class_of_the_socket(loop):
    with linked(loop) as (transport, _, _):
        return f"`{type(transport.get_extra_info('socket')).__name__}`"


@behaviour("a connection that its peer resets is lost with")
def a_reset(loop):
    protocol = Notes()
    with served(loop, lambda: protocol) as address:
        with socket.create_connection(address) as sock:
            turns_until(loop, lambda: protocol.transport)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, A_RESET)
        turns_until(loop, lambda: protocol.lost)
    return f"`{type(protocol.lost[0]).__name__}`"


@behaviour("`data_received` that raises: the connection is ended with that")
def a_protocol_that_fails(loop):
    class Failing(Notes):
        def data_received(self, data):
            raise ValueError("spilt")

    with reports(loop) as seen, linked(loop, Failing()) as (_, far, protocol):
        far.send(b"coffee")
        turns_until(loop, lambda: protocol.lost)
        lost = protocol.lost and type(protocol.lost[0]).__name__ == "ValueError"
        return yes(lost and len(seen) == 1)


@behaviour("a transport that is forgotten tells so by a ResourceWarning")
def a_transport_that_is_forgotten(loop):
    near, far = socket.socketpair()
    made = loop.run_until_complete(loop.create_connection(asyncio.Protocol, sock=near))
    transport = made[0]
    with far, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        if hasattr(transport, "__del__"):
            transport.__del__()
    return yes([each for each in seen if each.category is ResourceWarning])


@behaviour("`sendfile`")
def sendfile(loop):
    with linked(loop) as (transport, _, _), tempfile.TemporaryFile() as file:
        file.write(b"coffee")
        file.seek(0)
        return of(loop, loop.sendfile(transport, file))


@behaviour("`create_connection(happy_eyeballs_delay=)`")
def happy_eyeballs(loop):
    with served(loop, Notes) as (host, port):
        return of(loop, awaited(loop.create_connection, Notes, host, port, happy_eyeballs_delay=1))


@behaviour("`create_connection(all_errors=True)`")
def all_errors(loop):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    return of(loop, awaited(loop.create_connection, Notes, host, port, all_errors=True))


@behaviour("`create_server(keep_alive=True)`")
def keep_alive(loop):
    async def main():
        server = await loop.create_server(Notes, "127.0.0.1", 0, keep_alive=True)
        server.close()

    return of(loop, main())


async def awaited(method, *args, **options):
    """Calls a method that may refuse its arguments at once."""
    await method(*args, **options)
