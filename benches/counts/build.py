"""What figures depend on besides our own code: the interpreter, the compiler, the C library.

Two builds that agree in this are held to be comparable.
"""

import os
import platform
import shlex
import sysconfig

import cafeloop

Build = dict[str, str]


def this_build() -> Build:
    return {
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
        "flags": configured("PY_CFLAGS"),
        # Where it was put, and for whom, makes no instruction.
        "options": " ".join(
            option
            for option in shlex.split(configured("CONFIG_ARGS"))
            if option.startswith(("--enable", "--disable", "--with")) and "/" not in option
        ),
        "rust": cafeloop.build_info()["rust"],
        "libc": os.confstr("CS_GNU_LIBC_VERSION") or "unknown",
        "machine": platform.machine(),
    }


def configured(name: str) -> str:
    return str(sysconfig.get_config_var(name) or "")


def differences(stored: Build, found: Build) -> list[str]:
    """A line for each thing in which two builds differ."""
    return [
        f"{name}: {stored.get(name, 'unknown')} there, {found.get(name, 'unknown')} here"
        for name in dict.fromkeys([*stored, *found])
        if stored.get(name) != found.get(name)
    ]
