"""Installing the peers, each on its own, and remembering which couldn't be.

The memory is a file beside the installed packages, so that a later run, even in another root
folder, can say why a peer isn't there.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Sequence
from pathlib import Path

from .bad_input import BadInput
from .loops import Loop
from .machine import installed_version, python_version
from .measure import ROOT
from .record import LoopRecord

MEMORY = "cafeloop-bench-peers.json"
# A peer without a wheel may take this long to build.
BUILD_LIMIT_S = 600.0
# What pip says, and what it comes to.  The first that is found counts.
REASONS = (
    (r"No matching distribution found", "no release for this Python"),
    (r"requires a different Python", "no release for this Python"),
    (r"toolchain '?(nightly-[\d-]*\d)", r"its source needs Rust \1"),
    (r"rust.*not installed|Cargo.*not installed", "its source needs Rust"),
    (r"zig.*(not found|not installed)", "its source needs Zig"),
    (r"Failed to build|metadata-generation-failed|subprocess-exited", "its source doesn't build"),
    (r"Failed to establish|Could not fetch|timed out|ConnectionError", "no network"),
)


def install(
    loops: Sequence[Loop], target: Path | None, version: str | None, platforms: Sequence[str] = ()
) -> dict[str, str]:
    """Installs each peer's newest release, and what rows need; returns why some can't be.

    With a target, the packages go into that folder; with a version, they are those for that
    Python, which then can't be built here and must have wheels, for one of these platforms.
    """
    folder = target or Path(sysconfig.get_path("purelib"))
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
    options = ["--upgrade"]
    if target is not None:
        options += ["--target", str(target)]
    if version is not None:
        options += ["--python-version", version, "--only-binary", ":all:"]
        for platform in platforms:
            options += ["--platform", platform]
    needed = _bench_group()
    reason = _pip([*options, *needed])
    if reason is not None:
        raise BadInput(f"can't install {' '.join(needed)}, which rows need: {reason}")
    reasons = {}
    for loop in loops:
        if loop.distribution is None:
            continue
        reason = _pip([*options, loop.distribution])
        if reason is not None and version is not None:
            # Its source wasn't looked for.
            reason = reason.replace("no release", "no wheel")
        if reason is None:
            print(f"  {loop.name:8} installed", file=sys.stderr)
        else:
            reasons[loop.name] = reason
            print(f"  {loop.name:8} doesn't install: {reason}", file=sys.stderr)
    memory = {"python": version or python_version(), "reasons": reasons}
    (folder / MEMORY).write_text(json.dumps(memory, indent=1) + "\n")
    return reasons


def look_up(loops: Sequence[Loop]) -> list[LoopRecord]:
    """What is installed of them where this process finds its packages."""
    reasons = _remembered()
    records = []
    for loop in loops:
        if loop.distribution is not None:
            version = installed_version(loop.distribution)
        elif loop.package == "asyncio":
            version = sys.version.split()[0]
        else:
            version = _own_version()
        reason = ""
        if version is None:
            reason = (
                f"doesn't install on {python_version()}: {reasons[loop.name]}"
                if loop.name in reasons
                else "isn't installed"
            )
        records.append(LoopRecord(loop.name, version, reason))
    return records


def _own_version() -> str | None:
    try:
        import cafeloop
    except ImportError:
        return None
    build = cafeloop.build_info()
    if build["profile"] != "release":
        raise BadInput(
            f"cafeloop was built as {build['profile']}, whose figures mean nothing:"
            " run `make release`, or leave it out with --loops"
        )
    return build["version"]


def _remembered() -> dict[str, str]:
    for folder in sys.path:
        with contextlib.suppress(OSError, ValueError):
            memory = json.loads((Path(folder) / MEMORY).read_text())
            if memory["python"] == python_version():
                reasons: dict[str, str] = memory["reasons"]
                return reasons
    return {}


def _bench_group() -> list[str]:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    group: list[str] = content["dependency-groups"]["bench"]
    return group


def _pip(arguments: Sequence[str]) -> str | None:
    """Has pip install something; returns why it couldn't."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", *arguments]
    # A session of its own, as pip isn't alone when it builds.
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as pip:
        try:
            output, _ = pip.communicate(timeout=BUILD_LIMIT_S)
        except subprocess.TimeoutExpired:
            return f"not built within {BUILD_LIMIT_S:.0f} s"
        finally:
            if pip.returncode is None:
                os.killpg(pip.pid, signal.SIGKILL)
    return None if pip.returncode == 0 else reason_in(output)


def reason_in(output: str) -> str:
    """What pip's output comes to, in a few words."""
    for pattern, reason in REASONS:
        found = re.search(pattern, output, re.IGNORECASE)
        if found:
            return found.expand(reason)
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    return errors[-1].removeprefix("ERROR: ") if errors else "pip failed without an error"
