"""Endpoints of datagrams."""

import asyncio
import socket

from . import behaviour, of, turn, turns_until, yes
from .sockets import datagram_socket


class Notes(asyncio.DatagramProtocol):
    def __init__(self):
        self.errors = []

    def error_received(self, error):
        self.errors.append(error)


def endpoint(loop, **options):
    made = loop.create_datagram_endpoint(Notes, **options)
    return loop.run_until_complete(made)


@behaviour("`sendto(b'')` sends a datagram without data")
def an_empty_datagram(loop):
    with datagram_socket() as sock:
        transport, _ = endpoint(loop, local_addr=("127.0.0.1", 0))
        seen = []

        def look():
            try:
                seen.append(sock.recv(100))
            except BlockingIOError:
                pass
            return seen

        transport.sendto(b"", sock.getsockname())
        told = turns_until(loop, look)
        transport.close()
        turn(loop)
    return yes(told)


@behaviour("`sendto` to an address of another family")
def an_address_of_another_family(loop):
    transport, protocol = endpoint(loop, local_addr=("127.0.0.1", 0))
    try:
        transport.sendto(b"coffee", ("::1", 9))
    except Exception as error:
        return type(error).__name__
    told = turns_until(loop, lambda: protocol.errors)
    transport.close()
    return f"`error_received({type(protocol.errors[0]).__name__})`" if told else "nothing"


@behaviour("a connected endpoint whose peer is gone is told by `error_received`")
def a_peer_that_is_gone(loop):
    with datagram_socket() as sock:
        address = sock.getsockname()
    transport, protocol = endpoint(loop, remote_addr=address)
    transport.sendto(b"coffee")
    told = turns_until(loop, lambda: protocol.errors)
    transport.close()
    return yes(told)


@behaviour("`create_datagram_endpoint(sock=)` with a Unix socket")
def unix_datagrams(loop):
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.setblocking(False)
    with far:
        return of(loop, made_and_closed(loop, near))


async def made_and_closed(loop, sock):
    transport, _ = await loop.create_datagram_endpoint(Notes, sock=sock)
    transport.close()
    await asyncio.sleep(0)
