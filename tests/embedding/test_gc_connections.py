"""Garbage: connections, with the protocols, loops and servers that hold each other."""

import asyncio
import gc
import socket
import warnings
import weakref

import pytest

pytestmark = pytest.mark.slow

MANY = 500
MANY_LOOPS = 50


class Protocol(asyncio.Protocol):
    """Holds its transport and its loop, which hold it: a cycle."""

    def connection_made(self, transport):
        self.transport = transport
        self.loop = asyncio.get_running_loop()


def survivors(refs):
    gc.collect()
    return sum(ref() is not None for ref in refs)


def test_lost_connections_are_collected_with_their_protocols(run):
    refs = []

    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(MANY):
            near, far = socket.socketpair()
            with far:
                transport, protocol = await loop.create_connection(Protocol, sock=near)
                # More than the kernel takes.
                transport.write(bytes(1 << 20))
                refs.extend([weakref.ref(transport), weakref.ref(protocol)])
                transport.abort()
                await asyncio.sleep(0)
        del near, far, transport, protocol
        assert survivors(refs) == 0

    run(main)


@pytest.mark.parametrize("is_paused", [False, True])
def test_forgotten_loops_are_collected_with_their_connections(
    new_loop, open_descriptors, is_paused
):
    descriptors = open_descriptors()
    refs = []
    with warnings.catch_warnings(action="always"):
        # Recorded warnings would hold what they are about.
        warnings.showwarning = lambda message, category, *where: None
        for _ in range(MANY_LOOPS):
            loop = new_loop()
            near, far = socket.socketpair()
            made = loop.create_connection(Protocol, sock=near)
            transport, protocol = loop.run_until_complete(made)
            if is_paused:
                transport.pause_reading()
            refs += weakref.ref(loop), weakref.ref(transport), weakref.ref(protocol)
            far.close()
        del loop, near, far, made, transport, protocol
        assert survivors(refs) == 0
    assert open_descriptors() == descriptors


def test_closed_servers_are_collected(run):
    refs = []

    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(MANY_LOOPS):
            server = await loop.create_server(Protocol, "127.0.0.1", 0)
            refs.append(weakref.ref(server))
            server.close()
            await server.wait_closed()
        del server
        await asyncio.sleep(0)
        assert survivors(refs) == 0

    run(main)
