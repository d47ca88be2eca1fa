"""Subprocesses.

What the children take themselves isn't counted.
"""

import asyncio
import asyncio.subprocess

from benches.compare.row import Body, Row

BLOCK = bytes(64 * 1024)


async def spawn(count: int) -> None:
    for _ in range(count):
        process = await asyncio.create_subprocess_exec("/bin/true")
        assert await process.wait() == 0


async def pipe(count: int) -> None:
    """Blocks go through `cat`, one after another."""
    process = await asyncio.create_subprocess_exec(
        "/bin/cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for _ in range(count):
        process.stdin.write(BLOCK)
        assert len(await process.stdout.readexactly(len(BLOCK))) == len(BLOCK)
    process.stdin.close()
    assert await process.wait() == 0


ROWS: list[Row] = [
    Body(name="spawn", title="start true, wait", count=80, per="process", body=spawn),
    Body(name="pipe", title="64 KiB through cat", count=1_500, per="block", body=pipe),
]
