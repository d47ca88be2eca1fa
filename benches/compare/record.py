"""All that a run has found, raw: what a JSON file holds, and what tables and pages are made from.

Whoever reads a record needs neither the rows nor the loops that it was made with.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from .bad_input import BadInput
from .outcome import Outcome

# To be raised when an older reader would misunderstand.
FORMAT = 1


@dataclass(frozen=True)
class RowRecord:
    """What a reader of figures must know of a row."""

    name: str
    title: str
    family: str
    kind: str
    unit: str
    per: str


@dataclass(frozen=True)
class LoopRecord:
    name: str
    #: None if it isn't installed; the reason says why.
    version: str | None
    reason: str = ""


@dataclass(frozen=True)
class Measurement:
    row: str
    loop: str
    round: int
    outcome: Outcome
    figures: dict[str, float] = field(default_factory=dict)
    detail: str = ""
    said: str = ""


@dataclass
class Record:
    command: str
    started: str
    seed: int
    rounds: int
    terms: dict[str, float]
    machine: dict[str, str | int]
    #: The distributions that rows need, and their versions.
    versions: dict[str, str]
    load_before: list[float]
    loops: list[LoopRecord]
    rows: list[RowRecord]
    load_after: list[float] = field(default_factory=list)
    duration_s: float = 0.0
    is_complete: bool = False
    measurements: list[Measurement] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Writes a line per measurement, so that two runs can be told apart by diff."""
        content = {"format": FORMAT, **asdict(self)}
        members = [f" {json.dumps(name)}: {_written(value)}" for name, value in content.items()]
        path.write_text("{\n" + ",\n".join(members) + "\n}\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        try:
            content: dict[str, Any] = json.loads(path.read_text())
            if content.pop("format") != FORMAT:
                raise ValueError(f"not of format {FORMAT}")
            return cls(
                **{
                    **content,
                    "loops": [LoopRecord(**one) for one in content["loops"]],
                    "rows": [RowRecord(**one) for one in content["rows"]],
                    "measurements": [
                        Measurement(**{**one, "outcome": Outcome(one["outcome"])})
                        for one in content["measurements"]
                    ],
                }
            )
        except OSError as error:
            raise BadInput(f"can't read {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{path} isn't a record of this benchmark: {error}") from error


def _written(value: Any) -> str:
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return json.dumps(value)
    lines = (json.dumps({k: v for k, v in one.items() if v not in ("", {})}) for one in value)
    return "[\n  " + ",\n  ".join(lines) + "\n ]"
