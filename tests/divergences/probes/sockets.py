"""Operations on sockets of the user's own."""

import asyncio
import os
import socket
import tempfile

from . import behaviour, of, turn
from .descriptors import pair


def datagram_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


@behaviour("`sock_sendto`")
def sock_sendto(loop):
    with datagram_socket() as near, datagram_socket() as far:
        return of(loop, loop.sock_sendto(near, b"coffee", far.getsockname()))


@behaviour("`sock_recvfrom`")
def sock_recvfrom(loop):
    with datagram_socket() as near, datagram_socket() as far:
        far.sendto(b"coffee", near.getsockname())
        return of(loop, loop.sock_recvfrom(near, 100))


@behaviour("`sock_sendfile`")
def sock_sendfile(loop):
    with pair() as (near, _), tempfile.TemporaryFile() as file:
        file.write(b"coffee")
        file.seek(0)
        return of(loop, loop.sock_sendfile(near, file))


@behaviour("a socket that is closed while `sock_recv` waits: the operation can be cancelled")
def closing_while_a_receipt_waits(loop):
    with pair() as (near, _):
        task = loop.create_task(loop.sock_recv(near, 100))
        turn(loop)
        near.close()
        turn(loop)
        task.cancel()
        ended = of(loop, task)
    return "yes" if ended == "CancelledError" else ended


@behaviour("a socket that is closed while a copy of it lives on, and `sock_recv` waits")
def closing_one_of_two(loop):
    with pair() as (near, far):
        copy = os.dup(near.fileno())
        task = loop.create_task(loop.sock_recv(near, 100))
        turn(loop)
        near.close()
        far.send(b"coffee")
        ended = of(loop, asyncio.wait_for(task, 1))
        os.close(copy)
    return ended
