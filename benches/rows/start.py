"""Start."""

from benches.compare.row import Process, Row

SOURCE = """\
{imports}
import asyncio
async def noop():
    pass
with asyncio.Runner(loop_factory=lambda: {new_loop}) as runner:
    runner.run(noop())
"""

ROWS: list[Row] = [Process(name="start", title="import, run(noop), exit", source=SOURCE)]
