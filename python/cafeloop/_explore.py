"""Runs a program in many orders, each in a process of its own, until it fails in one.

The processes are watched by a loop of ours in this one, which never runs the program's code.
They are started in the order of their seeds, so that the smallest seed that fails is found
however many run at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from . import _cafeloop, _flow
from ._run import run

PASSED = 0
FAILED = 1
CANNOT_START = 2
# What shells make of a command that SIGINT has ended.
INTERRUPTED = 128 + signal.SIGINT

# As Ctrl-C does; they leave the programs running otherwise.
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

# Exploring that takes longer is told of, as often as this.
PATIENCE_SECONDS = 1.0
# If the first seed fails: how many of the next may be tried for one that passes.
NEARBY = 8
# A set of strings has another order in each process, unless this says which.
HASH_SEED = {"PYTHONHASHSEED": "0"}


def explore(asked: _cafeloop.Errand) -> int:
    """Runs the program by one seed after the other, tells what came of it; returns the exit code.
    """
    with tempfile.TemporaryDirectory(prefix="cafeloop-") as folder:
        try:
            # Whatever the program does to a clock, this one waits for it in real time.
            return run(_explore_until_told(asked, folder), clock="real")
        except KeyboardInterrupt:
            print("cafeloop: interrupted", file=sys.stderr)
            return INTERRUPTED
        except Ended as ended:
            by = ended.signal
    # With everything cleaned up: whoever waits for this process is to see what it was.
    sys.stdout.flush()
    signal.signal(by, signal.SIG_DFL)
    os.kill(os.getpid(), by)
    return 128 + by


class Ended(Exception):
    """Somebody wants the exploration to end."""

    def __init__(self, by: signal.Signals) -> None:
        super().__init__(f"ended by {by.name}")
        self.signal = by


async def _explore_until_told(asked: _cafeloop.Errand, folder: str) -> int:
    """Explores; a signal that ends a process ends what it has started first."""
    loop = asyncio.get_running_loop()
    exploring = asyncio.current_task()
    assert exploring is not None
    told: list[signal.Signals] = []

    def end(by: signal.Signals) -> None:
        told.append(by)
        exploring.cancel()

    for by in ENDING_SIGNALS:
        # Whoever started this may want it to outlive the terminal (nohup).
        if signal.getsignal(by) == signal.SIG_DFL:
            loop.add_signal_handler(by, end, by)
    try:
        return await _explore(asked, folder)
    except asyncio.CancelledError:
        if told:
            raise Ended(told[0]) from None
        raise


@dataclass(frozen=True)
class Ending:
    """How the program has ended in one order."""

    seed: int
    # None if it hasn't, when its time was up.
    status: int | None
    stderr: str

    @property
    def has_failed(self) -> bool:
        return self.status != 0

    @property
    def is_refusal(self) -> bool:
        """Whether there was no program to run, which the command has said itself."""
        return self.status == CANNOT_START and self.stderr.startswith("cafeloop: can't ")


async def _explore(asked: _cafeloop.Errand, folder: str) -> int:
    assert asked.seeds is not None
    first, last = asked.seeds
    program = Program(asked, folder)
    failure = await Search(program, first, last).run()
    if failure is None:
        every = f"all {last - first + 1} seeds passed, {first} to {last}" if first < last \
            else f"seed {first} passed"
        print(every)
        return PASSED
    if failure.is_refusal:
        print(failure.stderr, end="", file=sys.stderr)
        return CANNOT_START
    passed = failure.seed - first
    after = f" after {passed} had passed" if passed else ""
    print(f"seed {failure.seed} failed{after}: the program {program.how_it_ended(failure)}\n")
    if failure.stderr:
        print(failure.stderr, end="" if failure.stderr.endswith("\n") else "\n")
        print()
    again = await program.run(failure.seed, program.recording(failure.seed))
    if again.status == failure.status:
        print("It fails again in this order, and so it looks:\n")
    elif again.has_failed:
        print(f"Run again in this order, it {program.how_it_ended(again)}.  It looked so:\n")
    else:
        print("It didn't fail again in this order: something else that no seed chooses has a say,")
        print("such as the real clock, another process, a thread or random numbers.\n")
    sys.stdout.flush()
    draw(asked, program, failure.seed, await one_that_passes(program, first, last, failure.seed))
    print(f"\nThis order again:\n{program.shown_command(failure.seed)}")
    return FAILED


async def one_that_passes(program: Program, first: int, last: int, failed: int) -> int | None:
    """A seed near the one that failed, by which the program has passed and is recorded."""
    near = [failed - 1] if failed > first else range(failed + 1, min(last, failed + NEARBY) + 1)
    for seed in near:
        if not (await program.run(seed, program.recording(seed))).has_failed:
            return seed
    return None


def draw(asked: _cafeloop.Errand, program: Program, failed: int, passed: int | None) -> None:
    recording = program.recording(failed)
    if not os.path.exists(recording):
        return
    if passed is None:
        asked.draw([recording], *_flow.screen())
        return
    pair = program.recording(passed), recording
    print(f"Before: seed {passed}, which passed.  After: seed {failed}.")
    # Runs of one length look alike: what differs is an order, and here it begins to.
    print(f"{_cafeloop.part(*pair)}\n", flush=True)
    asked.compare(pair, *_flow.screen())


class Search:
    """The seeds that are being tried, and what is known of them."""

    def __init__(self, program: Program, first: int, last: int) -> None:
        self.program = program
        self.seeds = range(first, last + 1)
        self.left = iter(self.seeds)
        self.running: dict[asyncio.Task[Ending], int] = {}
        self.passed = 0
        self.failure: Ending | None = None
        self.told = time.monotonic()

    async def run(self) -> Ending | None:
        """The failure of the smallest seed that fails; None if all pass."""
        at_once = len(os.sched_getaffinity(0))
        try:
            while True:
                self.start(at_once)
                if not self.running:
                    return self.failure
                done, _ = await asyncio.wait(
                    self.running,
                    timeout=PATIENCE_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in sorted(done, key=self.running.__getitem__):
                    self.note(task.result())
                    del self.running[task]
                await self.end_after_failure()
                self.tell()
        finally:
            await end(self.running)

    def start(self, at_once: int) -> None:
        while self.failure is None and len(self.running) < at_once:
            seed = next(self.left, None)
            if seed is None:
                return
            self.running[asyncio.create_task(self.program.run(seed))] = seed

    def note(self, ending: Ending) -> None:
        if not ending.has_failed:
            self.passed += 1
        elif self.failure is None or ending.seed < self.failure.seed:
            self.failure = ending

    async def end_after_failure(self) -> None:
        """Ends the runs that could only find a greater seed than the one that has failed."""
        if self.failure is not None:
            after = [task for task, seed in self.running.items() if seed > self.failure.seed]
            await end(after)
            for task in after:
                del self.running[task]

    def tell(self) -> None:
        now = time.monotonic()
        if now - self.told >= PATIENCE_SECONDS:
            self.told = now
            print(f"cafeloop: {self.passed} of {len(self.seeds)} seeds passed...", file=sys.stderr)


async def end(running: Iterable[asyncio.Task[Ending]]) -> None:
    """Ends runs that nobody wants to know of any more, and their processes."""
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


class Program:
    """The program, as it is run by a seed."""

    def __init__(self, asked: _cafeloop.Errand, folder: str) -> None:
        self.asked = asked
        self.folder = folder
        hash_seed = os.environ.get("PYTHONHASHSEED", "random")
        self.environment = HASH_SEED if hash_seed in ("", "random") else {}

    async def run(self, seed: int, recording: str | None = None) -> Ending:
        """Runs it to its end, or until its time is up."""
        # What multiprocessing starts its processes with, too.
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        options = [f"--flow={recording}"] if recording else []
        command = [sys.executable, *flags, "-m", "cafeloop", *self.arguments(seed, options)]
        with tempfile.TemporaryFile(dir=self.folder) as stderr:
            process = await asyncio.create_subprocess_exec(
                *command,
                # Several can't share a terminal.
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**os.environ, **self.environment},
                # So that all that it has started can be ended with it.
                process_group=0,
            )
            async with ended_at_last(process):
                try:
                    async with asyncio.timeout(self.asked.timeout):
                        await process.wait()
                except TimeoutError:
                    pass
                status = process.returncode
            stderr.seek(0)
            return Ending(seed, status, stderr.read().decode(errors="replace"))

    def arguments(self, seed: int, options: list[str]) -> list[str]:
        asked = self.asked
        assert asked.clock is not None
        is_module = ["-m"] if asked.kind == "module" else []
        # A name that looks like an option is one to the command, unless it is told.
        name = ["--", asked.name] if asked.name.startswith("-") else [asked.name]
        schedule = ["--clock", asked.clock, "--seed", str(seed)]
        return ["run", *schedule, *options, *is_module, *name, *asked.arguments]

    def shown_command(self, seed: int) -> str:
        variables = [f"{name}={value} " for name, value in self.environment.items()]
        return "".join(variables) + shlex.join(["cafeloop", *self.arguments(seed, [])])

    def recording(self, seed: int) -> str:
        return os.path.join(self.folder, f"seed-{seed}.flow")

    def how_it_ended(self, ending: Ending) -> str:
        if ending.status is None:
            return f"hadn't ended after {self.asked.timeout:g} s"
        if ending.status < 0:
            with contextlib.suppress(ValueError):
                return f"was ended by {signal.Signals(-ending.status).name}"
            return f"was ended by signal {-ending.status}"
        return f"ended with exit code {ending.status}"


@contextlib.asynccontextmanager
async def ended_at_last(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """Ends a process that still runs, with all that it has started, and waits for its end."""
    try:
        yield
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
