"""What a row of the comparison may be: some work, and how much of it.

A file of benches/rows is a module with a docstring, whose first line names the family, and a list
`ROWS` of the kinds below.  It is imported by the harness and by every process that measures, so its
top imports the standard library only, and it names no loop: it uses asyncio's public names, looked
up when they're used (`asyncio.sleep`, never `from asyncio import sleep`), because a loop may put
its own in their place.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

#: For listening, where asyncio's default is 100: a load that opens a thousand connections at once
#: would wait a second for those that the kernel drops, and find some of them reset.
BACKLOG = 1024

Per = Literal["operation", "request", "MiB", "connection"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What all kinds have."""

    #: What `--rows` matches: lower-case words joined by hyphens, unique among all rows.
    name: str
    #: What a reader sees; 40 characters at most, so that a table of it fits a terminal.
    title: str
    #: The heading it stands under, where that isn't its file's: a dozen rows are enough for one.
    family: str | None = None
    #: Distributions that the work needs besides the loop; each is in the group `bench` of
    #: pyproject.toml.  Where one is missing, the row says so.
    requires: tuple[str, ...] = ()
    #: More than this is a hang.  Ten times what the slowest loop takes, at least.
    limit_s: float = 20.0
    #: Fewer rounds than were asked for, where a measurement is slow and hardly varies.
    most_rounds: int = 1_000

    #: How it's measured; stands in the JSON.
    kind: ClassVar[str]
    #: Of the figure that is compared.
    unit: ClassVar[Literal["ns", "bytes"]] = "ns"


@dataclass(frozen=True, kw_only=True)
class Body(Row):
    """Operations inside of a loop, measured by the CPU time of their process.

    `body(count)` awaits or schedules so many operations and returns when they're done.  It's called
    twice in the same loop: with a tenth to warm up, then with all.
    """

    kind = "body"
    #: So many that asyncio takes 0.15 to 0.3 s.
    count: int
    body: Callable[[int], Awaitable[None]]
    #: The word for an operation: "CPU per task".
    per: str = "operation"


@dataclass(frozen=True, kw_only=True)
class Memory(Row):
    """Objects that wait, measured by what they add to the memory of their process.

    `park(count)` makes so many, waits until each waits, and returns what keeps them alive.  The
    process is ended without undoing it.
    """

    kind = "memory"
    unit = "bytes"
    count: int
    park: Callable[[int], Awaitable[object]]
    per: str = "object"
    most_rounds: int = 2
    limit_s: float = 120.0


@dataclass(frozen=True, kw_only=True)
class Process(Row):
    """A process from its start to its end, measured by the CPU time that it took.

    `source` is a program in which `{new_loop}` stands for an expression that gives a new loop, and
    `{imports}` for the statements that it needs.
    """

    kind = "process"
    source: str
    #: So many processes, of which the median counts.
    count: int = 10
    per: str = "process"


@dataclass(frozen=True, kw_only=True)
class Distribution(Row):
    """How exactly something takes the time that it's to take.

    `once()` is awaited `count` times and should take `expected_s` each time.  What is compared is
    the median of the distance from that, on either side, so that ending early is no advantage.
    """

    kind = "distribution"
    count: int
    expected_s: float
    once: Callable[[], Awaitable[object]]
    per: str = "wait"


@dataclass(frozen=True)
class Place:
    """What a server is given by the harness."""

    #: For sockets and keys; of this measurement alone, and removed after it.
    folder: Path
    #: To be called once, with the address that `{address}` shall stand for in `load`.
    listening: Callable[[str], None]

    async def forever(self) -> None:
        """What a server awaits once it listens.

        `Server.serve_forever` isn't it: with rloop 0.5 that closes the listening socket.
        """
        await asyncio.get_running_loop().create_future()


@dataclass(frozen=True, kw_only=True)
class Server(Row):
    """A server in a process and on a core of its own, measured by its CPU time under load.

    `serve(place)` listens, on a port of the kernel's choice and with `BACKLOG`, calls
    `place.listening(address)` and awaits `place.forever()`.  Then the load program runs with the
    arguments `load`, in which `{address}` and `{folder}` are filled in, and to which the harness
    adds how long to run, whom to watch, and to answer in JSON.
    """

    kind = "server"
    serve: Callable[[Place], Awaitable[Any]]
    load: tuple[str, ...]
    per: Per = "request"
    #: A program that does the same without Python, and is shown beside the loops: its name, in the
    #: load program's folder, and its arguments, with `{folder}` filled in.  The last word of the
    #: first line that it prints is its address.
    limit: tuple[str, ...] | None = None
