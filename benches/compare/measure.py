"""One measurement: a row on a loop, in processes of its own.

Whatever a loop does to its process, what comes back is an answer.
"""

import json
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .loops import LIMIT, Loop
from .outcome import Answer, Outcome
from .process import Ended, Hung, Process
from .row import Row, Server
from .row import Process as ProcessRow

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Terms:
    """What holds for all measurements of a run."""

    #: The load program; beside it stand the programs that are limits.
    load: Path
    #: How long a server is under load, and before that without being measured.
    seconds: float
    warm_up_s: float
    #: Of the rows' counts.
    scale: float
    server_core: int
    load_core: int
    #: A server that has failed may take so long until its process has ended and said why.
    ending_s: float = 2.0


class Failed(Exception):
    """The measurement is over, with this answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def measure(row: Row, module: str, loop: Loop | None, terms: Terms) -> Answer:
    """Measures the row on the loop, or with None the program that is the row's limit."""
    with tempfile.TemporaryDirectory(prefix="cafeloop-bench-") as name:
        folder = Path(name)
        try:
            if isinstance(row, Server):
                return _measure_server(row, module, loop, terms, folder)
            assert loop is not None, f"{row.name} has no program {LIMIT}"
            if isinstance(row, ProcessRow):
                return _measure_processes(row, loop, terms, folder)
            return _measure_inside(row, module, loop, terms, folder)
        except Failed as failed:
            return failed.answer


def _measure_inside(row: Row, module: str, loop: Loop, terms: Terms, folder: Path) -> Answer:
    with _start(row, module, loop, terms, folder) as process:
        try:
            return _last_word(process)
        except Hung:
            return _hung(row, process)


def _measure_processes(row: ProcessRow, loop: Loop, terms: Terms, folder: Path) -> Answer:
    source = row.source.replace("{imports}", loop.imports).replace("{new_loop}", loop.new_loop)
    all_ended = []
    for _ in range(max(1, round(row.count * terms.scale))):
        with Process(
            [sys.executable, "-c", source],
            folder,
            environment=_environment(),
            limit_s=row.limit_s,
        ) as process:
            try:
                ended = process.wait()
            except Hung:
                return _hung(row, process)
            if ended.code != 0:
                return _broken(ended, process)
            all_ended.append(ended)
    return Answer(
        Outcome.MEASURED,
        {
            "processes": len(all_ended),
            "cpu_ns": statistics.median(ended.cpu_ns for ended in all_ended),
            "wall_ns": statistics.median(ended.wall_ns for ended in all_ended),
        },
    )


def _measure_server(
    row: Server, module: str, loop: Loop | None, terms: Terms, folder: Path
) -> Answer:
    with _start_server(row, module, loop, terms, folder) as server:
        try:
            address = _address(server, loop)
            figures = _load(row, address, server, terms, folder)
            if server.ends_within(0.0):
                return _last_word(server)
        except Hung:
            return _hung(row, server)
        return Answer(Outcome.MEASURED, figures, said=server.said())


def _load(
    row: Server, address: str, server: Process, terms: Terms, folder: Path
) -> dict[str, float]:
    filled = [word.format(address=address, folder=folder) for word in row.load]
    command = [
        *(str(terms.load), *filled, "--seconds", str(terms.seconds)),
        *("--warm-up", str(terms.warm_up_s), "--pid", str(server.pid), "--json"),
    ]
    with Process(
        command,
        folder,
        core=terms.load_core,
        limit_s=row.limit_s + terms.seconds + terms.warm_up_s,
    ) as load:
        line = load.line()
        load.wait()
        found = json.loads(line) if line is not None else {}
        failure = _failure(found, load)
        if failure is not None:
            # What the load met may be the end of the server, which knows better why.
            if server.ends_within(terms.ending_s):
                raise Failed(_last_word(server))
            raise Failed(replace(failure, said=server.said()))
        return _figures(found)


def _failure(found: dict[str, Any], load: Process) -> Answer | None:
    """What the load program holds against the server."""
    if not found:
        said = load.said().removeprefix("error: ")
        return Answer(Outcome.ERRORS, detail=said or "the load program ended without an answer")
    errors = {kind: number for kind, number in found["errors"].items() if number}
    if found["requests"] and not errors:
        return None
    # A server that answers nothing any more hangs, though its process may not.
    outcome = Outcome.HUNG if errors.keys() == {"timed out"} else Outcome.ERRORS
    detail = ", ".join(f"{number} {kind}" for kind, number in errors.items())
    return Answer(outcome, detail=detail or "no request was answered")


def _figures(found: dict[str, Any]) -> dict[str, float]:
    return {
        "requests": found["requests"],
        "bytes": found["bytes"],
        "cpu_ns": found["server_cpu_ns"],
        "wall_ns": round(found["seconds"] * 1e9),
        **{f"latency_{name}_us": value for name, value in found["latency_us"].items()},
    }


def _start_server(
    row: Server, module: str, loop: Loop | None, terms: Terms, folder: Path
) -> Process:
    if loop is not None:
        return _start(row, module, loop, terms, folder, core=terms.server_core)
    assert row.limit is not None, f"{row.name} has no program {LIMIT}"
    name, *arguments = (word.format(folder=folder) for word in row.limit)
    return Process(
        [str(terms.load.parent / name), *arguments],
        folder,
        core=terms.server_core,
        limit_s=row.limit_s,
    )


def _address(server: Process, loop: Loop | None) -> str:
    """Where the server listens; raises Failed if it has ended instead."""
    line = server.line()
    if loop is None and line is not None:
        # "listening on ADDRESS"
        return line.split()[-1]
    content = json.loads(line) if line is not None else {}
    if "listening" not in content:
        raise Failed(_last_word(server, content))
    address: str = content["listening"]
    return address


def _start(
    row: Row, module: str, loop: Loop, terms: Terms, folder: Path, core: int | None = None
) -> Process:
    order = {
        "module": module,
        "row": row.name,
        "imports": loop.imports,
        "new_loop": loop.new_loop,
        "package": loop.package,
        "scale": terms.scale,
    }
    return Process(
        [sys.executable, "-m", "benches.compare.child", json.dumps(order), "{answers}"],
        folder,
        core=core,
        environment=_environment(),
        limit_s=row.limit_s,
    )


def _environment() -> dict[str, str]:
    """This process's own, without what would change how Python runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    inherited = os.environ.get("PYTHONPATH")
    # An absolute one, as each measurement has a folder of its own.
    paths = [str(Path(path).resolve()) for path in (inherited or "").split(":") if path]
    return {**kept, "PYTHONPATH": ":".join([str(ROOT), *paths])}


def _last_word(process: Process, content: dict[str, Any] | None = None) -> Answer:
    """What a process answers at its end, or how it ended without an answer."""
    while (line := process.line()) is not None:
        content = json.loads(line)
    ended = process.wait()
    # One that has answered may still crash while it closes its loop.
    if ended.code != 0 or not content or "outcome" not in content:
        return _broken(ended, process)
    return Answer(
        Outcome(content["outcome"]),
        content.get("figures", {}),
        content.get("detail", ""),
        process.said(),
    )


def _hung(row: Row, process: Process) -> Answer:
    return Answer(Outcome.HUNG, detail=f"no end after {row.limit_s:g} s", said=process.said())


def _broken(ended: Ended, process: Process) -> Answer:
    said = process.said()
    if ended.signal_name is not None:
        return Answer(Outcome.CRASHED, detail=ended.signal_name, said=said)
    return Answer(Outcome.RAISED, detail=said or f"exit code {ended.code}", said=said)
