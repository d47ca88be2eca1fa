"""Peers that are there, and peers that aren't."""

import json
import sys

import pytest

from benches.compare.loops import ASYNCIO, Loop
from benches.compare.machine import python_version
from benches.compare.peers import MEMORY, look_up, reason_in

ABSENT = Loop("absent", "import absent", "None", "absent", distribution="cafeloop-no-such-thing")
PRESENT = Loop("present", "import pytest", "None", "pytest", distribution="pytest")

RUSTUP = """\
  error: subprocess-exited-with-error
      Checking for Rust toolchain....
      error: toolchain 'nightly-2026-09-25-x86_64-unknown-linux-gnu' is not installed
      Cargo, the Rust package manager, is not installed or is not on PATH.
error: metadata-generation-failed
"""
NO_RELEASE = """\
ERROR: Could not find a version that satisfies the requirement zuvloop (from versions: none)
ERROR: No matching distribution found for zuvloop
"""


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (NO_RELEASE, "no release for this Python"),
        (RUSTUP, "its source needs Rust nightly-2026-09-25"),
        ("error: metadata-generation-failed", "its source doesn't build"),
        ("ERROR: Something else", "Something else"),
        ("", "pip failed without an error"),
    ],
)
def test_what_pip_says_comes_to_a_few_words(output, reason):
    assert reason_in(output) == reason


def test_a_peer_that_is_there_has_its_version():
    (asyncio, present) = look_up([ASYNCIO, PRESENT])
    assert asyncio.version == sys.version.split()[0]
    assert present.version == pytest.__version__


def test_a_peer_that_isnt_there_is_said():
    (absent,) = look_up([ABSENT])
    assert (absent.version, absent.reason) == (None, "isn't installed")


def test_why_it_doesnt_install_is_remembered_beside_the_packages(tmp_path, monkeypatch):
    memory = {"python": python_version(), "reasons": {"absent": "no wheel"}}
    (tmp_path / MEMORY).write_text(json.dumps(memory))
    monkeypatch.syspath_prepend(tmp_path)
    (absent,) = look_up([ABSENT])
    assert absent.reason == f"doesn't install on {python_version()}: no wheel"


def test_what_another_python_remembers_is_nothing_here(tmp_path, monkeypatch):
    (tmp_path / MEMORY).write_text(json.dumps({"python": "3.0", "reasons": {"absent": "no wheel"}}))
    monkeypatch.syspath_prepend(tmp_path)
    (absent,) = look_up([ABSENT])
    assert absent.reason == "isn't installed"
