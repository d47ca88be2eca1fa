"""What tests of the benchmark's harness start from: fake rows, fake programs, records."""

import sys

import pytest

from benches.compare.loops import Loop
from benches.compare.measure import Terms, measure
from benches.compare.record import LoopRecord, Record
from tests.benches.findings import row_record
from tests.benches.rows import bodies, servers

# asyncio's own, under a name that isn't in the catalogue.
PLAIN = Loop("plain", "import asyncio", "asyncio.SelectorEventLoop()", "asyncio")


@pytest.fixture
def terms(tmp_path):
    """With a load program and a limit that are Python scripts."""
    here = __file__.rpartition("/")[0]
    programs = {
        "fake-load": f"exec {sys.executable} {here}/fake_load.py \"$@\"",
        "fake-limit": 'echo "listening on here:${1##*/}"; exec sleep 3600',
    }
    for name, line in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o700)
    return Terms(
        load=tmp_path / "fake-load",
        seconds=0.5,
        warm_up_s=0.0,
        scale=1.0,
        server_core=0,
        load_core=0,
        ending_s=0.0,
    )


@pytest.fixture
def measured(terms):
    """Measures a fake row in real processes."""

    def measured(name, module=bodies, loop=PLAIN, terms=terms):
        row = next(row for row in module.ROWS if row.name == name)
        return measure(row, module.__name__, loop, terms)

    return measured


@pytest.fixture
def served(measured):
    def served(name, **more):
        return measured(f"serve-{name}", servers, **more)

    return served


@pytest.fixture
def make_record():
    """Makes a record of asyncio, two peers of which one can't be had, and cafeloop."""

    def make_record(*measurements, rows=(), python="3.13.0"):
        return Record(
            command="python -m benches.compare",
            started="2026-01-02T03:04:05+00:00",
            seed=7,
            rounds=2,
            terms={"seconds": 0.5, "warm_up_s": 0.1, "scale": 1.0},
            machine={
                "cpu": "A Processor",
                "cores": 2,
                "kernel": "Linux 6.1",
                "machine": "x86_64",
                "python": f"CPython {python}",
                "compiler": "GCC 12",
                "libc": "glibc 2.36",
            },
            versions={"uvicorn": "1.2.3"},
            load_before=[0.1, 0.2, 0.3],
            load_after=[0.4, 0.5, 0.6],
            loops=[
                LoopRecord("asyncio", python),
                LoopRecord("uvloop", "0.23.0"),
                LoopRecord("rsloop", None, f"doesn't install on {python[:4]}: no wheel"),
                LoopRecord("cafeloop", "0.1.0"),
            ],
            rows=list(rows) or [row_record()],
            measurements=list(measurements),
            is_complete=True,
            duration_s=60.0,
        )

    return make_record
