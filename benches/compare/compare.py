"""A run: the plan's measurements, one after another, into a record.

No loop ends it.  After a pair of row and loop has failed once, the rest of its rounds are left
out; an interrupt leaves out whatever is left, and the record says that it's incomplete.
"""

import time
from collections.abc import Callable, Iterable

from . import machine
from .outcome import Answer, Outcome
from .plan import Turn
from .progress import Progress
from .record import Measurement, Record

Measure = Callable[[Turn], Answer]


def run(turns: Iterable[Turn], measure: Measure, record: Record, progress: Progress) -> None:
    """Fills the record; returns early, with what there is, when it's interrupted."""
    started = time.monotonic()
    failed: set[tuple[str, str]] = set()
    try:
        for turn in turns:
            if turn.pair in failed:
                progress.skip(turn)
                continue
            progress.begin(turn)
            answer = _answer(turn, measure)
            if answer.outcome is not Outcome.MEASURED:
                failed.add(turn.pair)
            record.measurements.append(
                Measurement(
                    row=turn.entry.row.name,
                    loop=turn.loop_name,
                    round=turn.round,
                    outcome=answer.outcome,
                    figures=answer.figures,
                    detail=answer.detail,
                    said=answer.said,
                )
            )
            progress.end(turn, answer)
        record.is_complete = True
    except KeyboardInterrupt:
        pass
    finally:
        progress.clear()
        record.duration_s = round(time.monotonic() - started, 1)
        record.load_after = machine.load()


def _answer(turn: Turn, measure: Measure) -> Answer:
    missing = turn.entry.missing()
    if missing is not None:
        return Answer(Outcome.MISSING, detail=f"needs {missing}, which isn't installed")
    return measure(turn)
