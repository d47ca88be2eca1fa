"""Makes what a record holds: rows, and measurements that went well or didn't."""

from benches.compare.outcome import Outcome
from benches.compare.record import Measurement, RowRecord


def row_record(name="task", *, kind="body", per="task", unit="ns", family="Tasks"):
    return RowRecord(name, f"title of {name}", family, kind, unit, per)


def took(loop, cpu_ns, *, row="task", number=1, operations=10, wall_ns=1_000_000_000):
    figures = {"operations": operations, "cpu_ns": cpu_ns, "wall_ns": wall_ns}
    return Measurement(row, loop, number, Outcome.MEASURED, figures)


def failed(loop, outcome, detail="", *, row="task"):
    return Measurement(row, loop, 1, outcome, {}, detail, "the last line")
