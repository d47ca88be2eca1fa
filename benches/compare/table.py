"""The table in the terminal: families of rows, a line for each, a column for each loop.

Plain characters, 100 columns at most; colour only where the caller says that there may be some.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from .amounts import amount, number, scale, signed
from .figures import NOT_INSTALLED, NOT_MEASURED, Figure, Result, Word, subject
from .loops import ASYNCIO, CAFELOOP
from .record import Record

WIDTH = 100
# What a reader should doubt: rounds that differ by more than this share of their median.
WIDE_SPREAD = 0.2
# A ratio nearer to 1 than this is neither a win nor a loss.
NOISE = 0.03

GREEN, RED, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"


def table(record: Record, results: Sequence[Result], *, colour: bool = False) -> str:
    """All of it, families in order."""
    lines: list[str] = []
    for family, of_family in groupby(results, key=lambda result: result.row.family):
        lines += _family(family, list(of_family), colour)
    return "\n".join([*lines, *_legend(record, results)])


def details(results: Iterable[Result]) -> str:
    """For each row the figures that the table has no room for."""
    lines = []
    for result in results:
        row = result.row
        lines.append(f"{row.family}: {row.title}, {result.measured} per {row.per}"[:WIDTH])
        head = ("median", "15th %", "spread", "rounds", "per second", "of cafeloop's")
        lines.append(f"  {'':10}" + "".join(f"{word:>14}" for word in head))
        for name, cell in result.cells.items():
            if isinstance(cell, Word):
                lines.append(f"  {name:10}{cell.text:>14}  {cell.detail}".rstrip()[:WIDTH])
                continue
            ratio = result.ratio(name)
            words = (
                amount(cell.median, row.unit),
                amount(cell.percentile_15, row.unit),
                f"{cell.spread:.0%}",
                str(cell.rounds),
                "" if cell.per_second is None else f"{cell.per_second:,.0f}",
                "" if ratio is None else f"{ratio:.2f}",
            )
            lines.append(f"  {name:10}" + "".join(f"{word:>14}" for word in words))
            if cell.early_share is not None:
                lines.append(f"  {'':10}{_accuracy(cell)}")
            if (beyond := result.beyond_asyncio(name)) is not None:
                lines.append(f"  {'':10}{signed(beyond, row.unit)} beyond asyncio's own")
        lines.append("")
    return "\n".join(lines)


def _family(family: str, results: list[Result], colour: bool) -> Iterator[str]:
    # A loop without a single cell would only take room.
    names = [
        name
        for name in {name: None for result in results for name in result.cells}
        if any(not _is_absent(result.cells.get(name)) for result in results)
    ]
    has_ours = CAFELOOP.name in names
    if not names:
        # A run that was interrupted before it came to any of these.
        return
    widths = [max(7, len(name) + 1) for name in names]
    ratios = ("peer", "asyncio") if has_ours else ()
    room = WIDTH - sum(widths) - 4 - 8 * len(ratios)
    head = "".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    yield f"{family} ({subject(results)})"
    yield f"{'':{room}}{'':4}{head}" + "".join(f"{word:>8}" for word in ratios)
    for result in results:
        figures = [cell.median for cell in result.cells.values() if isinstance(cell, Figure)]
        divisor, unit = scale(figures, result.row.unit)
        cells = "".join(
            f"{_cell(result.cells.get(name), divisor):>{width}}"
            for name, width in zip(names, widths, strict=True)
        )
        against = (
            (result.ratio(result.best_peer()), result.ratio(ASYNCIO.name)) if has_ours else ()
        )
        title = result.row.title
        if len(title) > room:
            yield title
            title = ""
        unit = unit if figures else ""
        yield f"{title:{room}}{unit:>4}{cells}" + "".join(_ratio(one, colour) for one in against)
    yield ""


def _cell(cell: Figure | Word | None, divisor: float) -> str:
    match cell:
        case Figure():
            mark = "~" if cell.spread > WIDE_SPREAD else ""
            return f"{mark}{number(cell.median / divisor)}"
        case Word():
            return cell.text
        case None:
            return ""


def _ratio(ratio: float | None, colour: bool) -> str:
    text = "" if ratio is None else f"{ratio:7.2f}x" if ratio < 100 else f"{ratio:7.0f}x"
    if not colour or ratio is None or abs(ratio - 1) < NOISE:
        return f"{text:>8}"
    return f"{GREEN if ratio > 1 else RED}{text:>8}{PLAIN}"


def _legend(record: Record, results: Sequence[Result]) -> Iterator[str]:
    yield "Less is better. The last columns: what the best peer and asyncio take, of cafeloop's."
    if any(figure.spread > WIDE_SPREAD for figure in _figures(results)):
        yield f"~: the rounds differ by more than {WIDE_SPREAD:.0%}."
    for loop in record.loops:
        if loop.version is None:
            yield f"{loop.name} {loop.reason}."
    for result in results:
        for name, cell in result.cells.items():
            if isinstance(cell, Figure) and cell.early_share:
                yield f"{name} ends early in {cell.early_share:.0%} of {result.row.name}."
    failures: dict[str, list[tuple[str, str]]] = {}
    for result in results:
        for name, cell in result.cells.items():
            if isinstance(cell, Word) and not _is_absent(cell):
                where = failures.setdefault(f"{name} {cell.text}", [])
                where.append((result.row.name, cell.detail))
    for what, where in failures.items():
        row, detail = where[0]
        others = f" and {len(where) - 1} more" if len(where) > 1 else ""
        text = f"{what}: {row}{others}, {detail}".rstrip(", ")
        yield textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _figures(results: Iterable[Result]) -> Iterator[Figure]:
    for result in results:
        yield from (cell for cell in result.cells.values() if isinstance(cell, Figure))


def _is_absent(cell: Figure | Word | None) -> bool:
    return cell is None or (isinstance(cell, Word) and cell.text in (NOT_INSTALLED, NOT_MEASURED))


def _accuracy(figure: Figure) -> str:
    assert figure.early_share is not None
    assert figure.taken_median_ns is not None
    assert figure.p99_ns is not None
    taken, p99 = amount(figure.taken_median_ns, "ns"), amount(figure.p99_ns, "ns")
    early = f"{figure.early_share:.0%} early"
    return f"took {taken} at the median, {p99} at the 99th percentile; {early}"
