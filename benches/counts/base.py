"""An earlier commit, built here: what to compare with where the stored figures can't be.

Owns target/counts.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

FOLDER = Path("target/counts")


class BaseError(Exception):
    """The commit can't be found or built; the text says why."""


def commit_of(path: Path) -> str:
    """The commit in which a file was last changed."""
    log = ["git", "log", "-1", "--format=%H", "--", path.name]
    answer = subprocess.run(log, cwd=path.parent, capture_output=True, text=True)
    if answer.returncode or not answer.stdout:
        why = answer.stderr.strip() or "it isn't committed"
        raise BaseError(f"can't tell of which commit {path.name} is: {why}")
    return answer.stdout.strip()


def build(root: Path, commit: str) -> Path:
    """Builds the extension as that commit had it, for this Python: the folder of the package."""
    tree = root / FOLDER / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    unpack(root, commit, tree)
    # What maturin would run; the interpreter's name for a module is longer but not needed.
    target = root / FOLDER / "build"
    cargo = [
        *("cargo", "build", "--quiet", "--release", "--package", "cafeloop-python"),
        *("--manifest-path", str(tree / "Cargo.toml"), "--target-dir", str(target)),
    ]
    settings = {"PYO3_PYTHON": sys.executable, "PYO3_BUILD_EXTENSION_MODULE": "1"}
    if subprocess.run(cargo, env={**os.environ, **settings}).returncode:
        raise BaseError(f"can't build cafeloop as of {commit}: see above")
    package = tree / "python"
    shutil.copy(target / "release/lib_cafeloop.so", package / "cafeloop/_cafeloop.so")
    return package


def unpack(root: Path, commit: str, tree: Path) -> None:
    """Puts the files of a commit into a folder."""
    archive = ["git", "archive", "--format=tar", commit]
    with subprocess.Popen(archive, cwd=root, stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            tar.extractall(tree, filter="data")
    if process.returncode:
        raise BaseError(f"can't unpack commit {commit}: see above")
