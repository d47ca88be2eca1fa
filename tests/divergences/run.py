"""Measures where loops differ, by `probes`, and keeps `docs/divergences.md` true to it.

    python tests/divergences/run.py           shows the tables
    python tests/divergences/run.py --write   puts them into the document
    python tests/divergences/run.py --check   fails if the document says otherwise

Each probe runs on each loop in a process of its own: some loops crash or hang where others don't.
"""

import argparse
import concurrent.futures
import difflib
import importlib.metadata
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
DOCUMENT = FOLDER.parent.parent / "docs" / "divergences.md"

LOOPS = {
    "asyncio": "import asyncio; new_loop = asyncio.SelectorEventLoop",
    "cafeloop": "import cafeloop; cafeloop.install(); new_loop = cafeloop.new_event_loop",
    "uvloop": "import uvloop; new_loop = uvloop.new_event_loop",
}
# What takes longer hangs: a probe takes a second on a busy machine.
LIMIT_SECONDS = 60

PROBE = """
import sys
sys.path.insert(0, {folder!r})
{loop}
import probes
(chosen,) = [each for each in probes.all_behaviours() if each.name == {name!r}]
loop = new_loop()
print("\\n" + chosen.probe(loop))
loop.close()
"""

# What stands between these is written by this program.
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MEASURED_ON = re.compile(r"Measured on CPython (\S+),")


def measure(loop, behaviour):
    """What a probe saw on a loop, or how it came to grief."""
    program = PROBE.format(folder=str(FOLDER), loop=LOOPS[loop], name=behaviour.name)
    try:
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return "hangs"
    if ran.returncode < 0:
        return f"dies of {signal.Signals(-ran.returncode).name}"
    if ran.returncode:
        raise SystemExit(f"{behaviour.name} on {loop} failed:\n{ran.stderr}")
    return ran.stdout.rstrip("\n").rpartition("\n")[2]


def measure_all(behaviours):
    """The answers of the loops, for each behaviour."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        asked = [[pool.submit(measure, loop, each) for loop in LOOPS] for each in behaviours]
        return [[future.result() for future in futures] for futures in asked]


def row(*cells):
    return f"| {' | '.join(cells)} |"


def same_or(answer, as_asyncio):
    return "=" if answer == as_asyncio else answer


def tables(behaviours, answers):
    """The measured part of the document."""
    uvloop = importlib.metadata.version("uvloop")
    ours, theirs = [], []
    for each, (asyncio, cafeloop, other) in zip(behaviours, answers, strict=True):
        if cafeloop != asyncio:
            ours.append(
                row(each.title, asyncio, cafeloop, same_or(other, asyncio), each.why)
            )
        elif other != asyncio:
            theirs.append(row(each.title, asyncio, other))
    return "\n".join([
        f"Measured on CPython {version()}, with uvloop {uvloop}, by `tests/divergences/run.py`;",
        "`=` is as asyncio.",
        "",
        "| Behaviour | asyncio | cafeloop | uvloop | Why |",
        "|---|---|---|---|---|",
        *ours,
        "",
        "What uvloop is known to differ in, and cafeloop doesn't:",
        "",
        "| Behaviour | asyncio, cafeloop | uvloop |",
        "|---|---|---|",
        *theirs,
        "",
    ])


def version():
    return "{}.{}".format(*sys.version_info)


def split(text):
    """The document before, in and behind its measured part."""
    before, _, rest = text.partition(f"{BEGIN}\n")
    measured, _, behind = rest.partition(f"{END}\n")
    return before, measured, behind


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="put the tables into the document")
    what.add_argument("--check", action="store_true", help="fail if the document differs")
    return parser.parse_args()


def main():
    sys.path.insert(0, str(FOLDER))
    import probes

    chosen = arguments()
    text = DOCUMENT.read_text()
    before, documented, behind = split(text)
    if chosen.check:
        of = MEASURED_ON.search(documented)[1]
        if of != version():
            print(f"{DOCUMENT.name} is of CPython {of}: nothing is checked on {version()}")
            return
    behaviours = probes.all_behaviours()
    measured = tables(behaviours, measure_all(behaviours))
    if chosen.write:
        DOCUMENT.write_text(f"{before}{BEGIN}\n{measured}{END}\n{behind}")
    elif chosen.check:
        lines = difflib.unified_diff(
            documented.splitlines(), measured.splitlines(), "documented", "measured", lineterm=""
        )
        if difference := "\n".join(lines):
            raise SystemExit(f"{difference}\nIf that is as it should be: run.py --write")
    else:
        print(measured)


if __name__ == "__main__":
    main()
