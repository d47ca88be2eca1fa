"""Garbage: pipes and child processes, with the protocols and loops that hold each other."""

import asyncio
import gc
import os
import warnings
import weakref

import pytest

pytestmark = pytest.mark.slow

MANY = 500
MANY_LOOPS = 50
MANY_CHILDREN = 20


class Protocol(asyncio.Protocol, asyncio.SubprocessProtocol):
    """Holds its transport and its loop, which hold it: a cycle."""

    def connection_made(self, transport):
        self.transport = transport
        self.loop = asyncio.get_running_loop()


def survivors(refs):
    gc.collect()
    return sum(ref() is not None for ref in refs)


def pipe_ends():
    reading, writing = os.pipe()
    return open(reading, "rb", 0), open(writing, "wb", 0)


def test_lost_pipes_are_collected_with_their_protocols(run):
    refs = []

    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(MANY):
            near, far = pipe_ends()
            reader, reading = await loop.connect_read_pipe(Protocol, near)
            writer, writing = await loop.connect_write_pipe(Protocol, far)
            # More than the kernel takes.
            writer.write(bytes(1 << 18))
            refs.extend(map(weakref.ref, (reader, reading, writer, writing)))
            writer.abort()
            reader.close()
            await asyncio.sleep(0)
        del near, far, reader, reading, writer, writing
        assert survivors(refs) == 0

    run(main)


# asyncio's own, since 3.14, fails in its finaliser if its selector went first.
@pytest.mark.parametrize("loop_name", ["cafeloop"])
@pytest.mark.parametrize("is_paused", [False, True])
def test_forgotten_loops_are_collected_with_their_pipes(new_loop, open_descriptors, is_paused):
    descriptors = open_descriptors()
    refs = []
    with warnings.catch_warnings(action="always"):
        # Recorded warnings would hold what they are about.
        warnings.showwarning = lambda message, category, *where: None
        for _ in range(MANY_LOOPS):
            loop = new_loop()
            near, far = pipe_ends()
            made = loop.connect_read_pipe(Protocol, near)
            reader, reading = loop.run_until_complete(made)
            if is_paused:
                reader.pause_reading()
            made = loop.connect_write_pipe(Protocol, far)
            writer, writing = loop.run_until_complete(made)
            refs.extend(map(weakref.ref, (loop, reader, reading, writer, writing)))
        del loop, near, far, made, reader, reading, writer, writing
        assert survivors(refs) == 0
    assert open_descriptors() == descriptors


def test_ended_children_are_collected_with_their_protocols(run):
    refs = []

    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(MANY_CHILDREN):
            transport, protocol = await loop.subprocess_exec(Protocol, "/bin/cat")
            refs.extend(map(weakref.ref, (transport, protocol)))
            transport.get_pipe_transport(0).close()
            while transport.get_protocol() is not None:
                await asyncio.sleep(0)
            transport.close()
        del transport, protocol
        # The last one's task of connecting has gone too.
        await asyncio.sleep(0)
        assert survivors(refs) == 0

    run(main)
