"""docs/performance.md and its pictures: written from records, and from nothing else.

Whoever wants a figure on that page changed measures again.  Where another loop is better the page
says so before it shows anything else.
"""

import os
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from .amounts import signed, typeset
from .bad_input import BadInput
from .chart import chart
from .figures import NOT_INSTALLED, Figure, Result, Word, results, subject
from .loops import ASYNCIO, CAFELOOP
from .record import Record
from .table import NOISE

# Columns of prose.
WIDTH = 96

PAGE = "performance.md"
PICTURES = "performance"

HEAD = """\
# Performance

This page is written by a program, from the raw figures of runs that stand in the repository, so
it says what was measured, whatever that is. To measure yourself:

```sh
make bench                                            # every row and loop: half an hour
make bench ROWS='sleep* echo*' LOOPS='asyncio uvloop cafeloop'
make bench OPTIONS=--help                             # what else there is
```

Rows stand in `benches/rows`, how they're measured in `benches/compare/row.py`, and what puts
servers under load in `benches/load`.

**How to read it.** Each figure is the median of several rounds. In a round every row runs once on
every loop, in random order, each time in a fresh process and after a warm-up. What is compared is
CPU time for one operation: of the process for work inside of a loop, of the server for a server,
which has a core of its own while the load has another. Time on the wall stands in the raw figures.
Ratios travel to other machines, absolute figures don't. A thin line on a bar spans all rounds:
where it's long, a small difference means nothing. For accuracy the figure is the distance from
the time that was asked for, early or late.

Each loop is the newest release that installs on that Python. In place of a figure, *not yet* and
*lacks* say that the loop raises NotImplementedError there; *raises*, *errors*, *crash* and *hangs*
say what it does instead. *epoll* is no loop, but a server in Rust on bare epoll: the limit.
"""

NOTHING_YET = "\nNo run stands in the repository yet.\n"


def write_page(records: Sequence[tuple[Path, Record]], docs: Path) -> list[Path]:
    """Writes the page for these records and their files; returns what it wrote."""
    by_python: dict[str, tuple[Path, Record]] = {}
    for path, record in records:
        python = _python(record)
        if python in by_python:
            raise BadInput(f"{path} and {by_python[python][0]} are both of Python {python}")
        by_python[python] = path, record
    pictures = docs / PICTURES
    pictures.mkdir(parents=True, exist_ok=True)
    written = {}
    text = HEAD
    for python, (path, record) in by_python.items():
        of_python = results(record)
        text += "\n" + "\n".join(_section(python, path, record, of_python, docs)) + "\n"
        for family, of_family in _families(of_python):
            heading = f"{family}, Python {python}"
            written[pictures / _picture(python, family)] = chart(heading, of_family)
    if not by_python:
        text += NOTHING_YET
    written[docs / PAGE] = text
    for stale in set(pictures.glob("*.svg")) - set(written):
        stale.unlink()
    for path, content in written.items():
        path.write_text(content)
    if not any(pictures.iterdir()):
        pictures.rmdir()
    return list(written)


def _section(
    python: str, path: Path, record: Record, of_python: Sequence[Result], docs: Path
) -> Iterator[str]:
    yield f"## Python {python}\n"
    yield from _circumstances(path, record, docs)
    yield from _standing(record, of_python)
    for family, of_family in _families(of_python):
        yield f"### {family}, on {python}\n"
        yield f"![{family}: {subject(of_family)}]({PICTURES}/{_picture(python, family)})\n"
        yield from _table(of_family)


def _circumstances(path: Path, record: Record, docs: Path) -> Iterator[str]:
    on = record.machine
    loops = ", ".join(f"{loop.name} {loop.version}" for loop in record.loops if loop.version)
    others = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    yield _paragraph(
        f"Measured {record.started[:10]} in {record.duration_s / 60:.0f} minutes: {record.rounds}"
        f" rounds, seed {record.seed}, `{record.command}`."
        f" Raw figures: [{path.name}]({_link(path, docs)})."
    )
    yield f"- {on['cpu']}, {on['cores']} cores, {on['kernel']}, {on['libc']}; load"
    yield f"  {record.load_before[0]:g} before, {record.load_after[0]:g} after."
    yield f"- {on['python']} ({on['compiler']})."
    yield f"- {loops}{'; ' if others else ''}{others}."
    for loop in record.loops:
        if loop.version is None:
            yield f"- {loop.name} {loop.reason}."
    if not record.is_complete:
        yield "- The run was interrupted: some figures are those of fewer rounds, or missing."
    yield ""


def _standing(record: Record, of_python: Sequence[Result]) -> Iterator[str]:
    """What a reader should know first: where another loop is better."""
    ours = [result for result in of_python if result.figure(CAFELOOP.name)]
    without = [result for result in of_python if not result.figure(CAFELOOP.name)]
    compared = [
        (ratio, peer, result)
        for result in ours
        if (peer := result.best_peer()) and (ratio := result.ratio(peer)) is not None
    ]
    worse = sorted(
        ((ratio, peer, result) for ratio, peer, result in compared if ratio < 1 - NOISE),
        key=lambda one: one[0],
    )
    better = sum(ratio > 1 + NOISE for ratio, *_ in compared)
    slower_than_asyncio = [
        result
        for result in ours
        if (ratio := result.ratio(ASYNCIO.name)) is not None and ratio < 1 - NOISE
    ]
    yield _paragraph(
        f"Of {len(of_python)} rows, cafeloop has a figure in {len(ours)}. The best peer, whichever"
        f" it is, takes more than cafeloop in {better}, less in {len(worse)}, and the same within"
        f" {NOISE:.0%} in {len(compared) - better - len(worse)}. asyncio takes less in"
        f" {len(slower_than_asyncio)}{_in_brackets(slower_than_asyncio)}."
    )
    if without:
        names = _in_brackets(without)
        yield _paragraph(f"Without a figure for cafeloop are {len(without)}{names}.")
    if worse:
        yield "Where another is better:\n"
        yield "| Row | best | takes | cafeloop takes | of cafeloop's |"
        yield "|---|---|---:|---:|---:|"
        for ratio, peer, result in worse:
            unit = result.row.unit
            best, own = result.figure(peer), result.figure(CAFELOOP.name)
            assert best is not None
            assert own is not None
            yield (
                f"| {_cell_text(result.row.family + ': ' + result.row.title)} | {peer} |"
                f" {typeset(best.median, unit)} | {typeset(own.median, unit)} | {ratio:.2f} |"
            )
        yield ""


def _in_brackets(of_python: Sequence[Result]) -> str:
    titles = "; ".join(f"{result.row.family}: {result.row.title}" for result in of_python)
    return f" ({titles})" if titles else ""


def _paragraph(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _table(of_family: Sequence[Result]) -> Iterator[str]:
    names = list(
        {name: None for result in of_family for name in result.cells if _shown(result, name)}
    )
    yield "<details><summary>Figures</summary>\n"
    yield f"{subject(of_family)}; in brackets the spread of the rounds.\n"
    yield "| | " + " | ".join(names) + " |"
    yield "|---|" + "---:|" * len(names)
    for result in of_family:
        cells = (_words(result, name) for name in names)
        yield f"| {_cell_text(result.row.title)} | " + " | ".join(cells) + " |"
    yield "\n</details>\n"


def _words(result: Result, name: str) -> str:
    cell = result.cells.get(name)
    if not isinstance(cell, Figure):
        return f"*{cell.text}*" if cell is not None and cell.text else ""
    notes = [f"{cell.spread:.0%}"]
    if cell.early_share:
        notes.append(f"{cell.early_share:.0%} early")
    if (beyond := result.beyond_asyncio(name)) is not None:
        notes.append(f"{signed(beyond, result.row.unit)} beyond asyncio's")
    return f"{typeset(cell.median, result.row.unit)} ({'; '.join(notes)})"


def _shown(result: Result, name: str) -> bool:
    cell = result.cells[name]
    return not (isinstance(cell, Word) and cell.text == NOT_INSTALLED)


def _families(of_python: Sequence[Result]) -> Iterator[tuple[str, list[Result]]]:
    for family, of_family in groupby(of_python, key=lambda result: result.row.family):
        yield family, list(of_family)


def _picture(python: str, family: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in family.lower()).split()
    return f"{python}-{'-'.join(words)}.svg"


def _python(record: Record) -> str:
    return ".".join(str(record.machine["python"]).split()[-1].split(".")[:2])


def _link(path: Path, docs: Path) -> str:
    return os.path.relpath(path.absolute(), docs.absolute())


def _cell_text(text: str) -> str:
    return text.replace("|", "\\|")
