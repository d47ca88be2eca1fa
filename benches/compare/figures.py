"""What a record says: for each row and loop a figure, or the word for why there is none.

Everything here is derived from raw measurements; nothing is stored.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .loops import ASYNCIO, CAFELOOP, LIMIT
from .outcome import Outcome
from .record import Measurement, Record, RowRecord

MIB = 1 << 20

#: Short enough for a column.
WORDS = {
    Outcome.HUNG: "hangs",
    Outcome.CRASHED: "crash",
    Outcome.RAISED: "raises",
    Outcome.UNSUPPORTED: "lacks",
    Outcome.ERRORS: "errors",
    Outcome.MISSING: "needs",
}
NOT_YET = "not yet"

MEASURED = {
    "body": "CPU",
    "server": "CPU",
    "process": "CPU",
    "memory": "memory",
    "distribution": "distance from what was asked",
}
NOT_INSTALLED = "-"
# Interrupted before its turn.
NOT_MEASURED = ""


@dataclass(frozen=True)
class Figure:
    """What the rounds of a row on a loop come to; less is better."""

    #: Nanoseconds or bytes for one of whatever the row counts.
    median: float
    percentile_15: float
    least: float
    greatest: float
    rounds: int
    #: Of what the row counts, by the clock on the wall; None where that says nothing.
    per_second: float | None = None
    #: For distributions: of all rounds together.
    early_share: float | None = None
    taken_median_ns: float | None = None
    p99_ns: float | None = None

    @property
    def spread(self) -> float:
        """Distance of the greatest from the least, as a share of the median."""
        return (self.greatest - self.least) / self.median if self.median else 0.0


@dataclass(frozen=True)
class Word:
    """Why there is no figure."""

    text: str
    detail: str = ""


@dataclass(frozen=True)
class Result:
    """A row's cells, by the loops' names; of the limit only where the row has one."""

    row: RowRecord
    cells: dict[str, Figure | Word]

    @property
    def measured(self) -> str:
        """What the figures are, for a heading."""
        return MEASURED[self.row.kind]

    def figure(self, loop: str) -> Figure | None:
        cell = self.cells.get(loop)
        return cell if isinstance(cell, Figure) else None

    def best_peer(self) -> str | None:
        """Whichever takes least among those that are neither asyncio nor ours."""
        peers = {
            name: cell.median
            for name, cell in self.cells.items()
            if isinstance(cell, Figure) and name not in (ASYNCIO.name, CAFELOOP.name, LIMIT)
        }
        return min(peers, key=peers.__getitem__, default=None)

    def beyond_asyncio(self, loop: str) -> float | None:
        """For a process: what it takes on top of the same with asyncio's own loop."""
        one, asyncio = self.figure(loop), self.figure(ASYNCIO.name)
        if self.row.kind != "process" or loop == ASYNCIO.name or one is None or asyncio is None:
            return None
        return one.median - asyncio.median

    def ratio(self, loop: str | None, to: str = CAFELOOP.name) -> float | None:
        """How many times what `to` takes the loop takes."""
        one, other = self.figure(loop) if loop else None, self.figure(to)
        if one is None or other is None or other.median <= 0:
            return None
        return one.median / other.median


def results(record: Record) -> list[Result]:
    """A result for each row, in the record's order."""
    by_pair: dict[tuple[str, str], list[Measurement]] = {}
    for measurement in record.measurements:
        by_pair.setdefault((measurement.row, measurement.loop), []).append(measurement)
    found = []
    for row in record.rows:
        cells: dict[str, Figure | Word] = {}
        for loop in record.loops:
            if loop.version is None:
                cells[loop.name] = Word(NOT_INSTALLED, loop.reason)
            else:
                cells[loop.name] = _cell(row, loop.name, by_pair.get((row.name, loop.name), []))
        if limit := by_pair.get((row.name, LIMIT)):
            cells[LIMIT] = _cell(row, LIMIT, limit)
        found.append(Result(row, cells))
    return found


def _cell(row: RowRecord, loop: str, measurements: Sequence[Measurement]) -> Figure | Word:
    for measurement in measurements:
        if measurement.outcome is not Outcome.MEASURED:
            # One that fails sometimes has no figure: nobody could use it.
            text = WORDS[measurement.outcome]
            if measurement.outcome is Outcome.UNSUPPORTED and loop == CAFELOOP.name:
                text = NOT_YET
            return Word(text, measurement.detail)
    if not measurements:
        return Word(NOT_MEASURED)
    return figure(row, [measurement.figures for measurement in measurements])


def figure(row: RowRecord, rounds: Sequence[dict[str, float]]) -> Figure:
    """What the raw figures of some rounds come to."""
    values = [_value(row, one) for one in rounds]
    rates = [rate for one in rounds if (rate := _per_second(row, one)) is not None]
    found = Figure(
        median=statistics.median(values),
        percentile_15=percentile(values, 15),
        least=min(values),
        greatest=max(values),
        rounds=len(values),
        per_second=statistics.median(rates) if rates else None,
    )
    if row.kind != "distribution":
        return found
    return replace(
        found,
        early_share=sum(one["early"] for one in rounds) / sum(one["waits"] for one in rounds),
        taken_median_ns=statistics.median(one["median_ns"] for one in rounds),
        p99_ns=statistics.median(one["p99_ns"] for one in rounds),
    )


def subject(results: Sequence[Result]) -> str:
    """What some rows' figures are: "CPU per task, timer"."""
    by_measure: dict[str, dict[str, None]] = {}
    for result in results:
        by_measure.setdefault(result.measured, {})[result.row.per] = None
    return "; ".join(f"{measured} per {', '.join(of)}" for measured, of in by_measure.items())


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many percent lie, between neighbours where it falls between."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _value(row: RowRecord, figures: dict[str, float]) -> float:
    match row.kind:
        case "body" | "server":
            return figures["cpu_ns"] / _counted(row, figures)
        case "process":
            return figures["cpu_ns"]
        case "memory":
            return figures["bytes"] / figures["objects"]
        case "distribution":
            return figures["median_off_ns"]
        case kind:
            raise ValueError(f"no kind of row '{kind}'")


def _per_second(row: RowRecord, figures: dict[str, float]) -> float | None:
    match row.kind:
        case "body" | "server":
            return _counted(row, figures) / (figures["wall_ns"] / 1e9)
        case "process":
            return 1e9 / figures["wall_ns"]
        case _:
            return None


def _counted(row: RowRecord, figures: dict[str, float]) -> float:
    if row.kind == "body":
        return figures["operations"]
    return figures["bytes"] / MIB if row.per == "MiB" else figures["requests"]
