"""What figures were measured on: the machine, its load, and what is installed there."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version


def describe() -> dict[str, str | int]:
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": platform.python_compiler(),
        "libc": " ".join(platform.libc_ver()),
    }


def load() -> list[float]:
    """Programs that ran or wanted to, on average over the last 1, 5 and 15 minutes."""
    return [round(average, 2) for average in os.getloadavg()]


def cores() -> tuple[int, int]:
    """One for the server and one for its load; the same if there is no other."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def python_version() -> str:
    """As in the names of files: 3.13."""
    return "{}.{}".format(*sys.version_info)


def installed_version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    with open("/proc/cpuinfo") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model", "CPU part"):
                return value.strip()
    return platform.machine()
