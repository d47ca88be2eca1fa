"""The invariants of ARCHITECTURE.md and the rules of the house, as tests."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CRATES = ROOT / "crates"

# A file is one noun: see CONTRIBUTING.md.
MOST_LINES_OF_CODE = 500

UNSAFE_ROOMS = (
    "crates/cafeloop/src/sys/",
    "crates/cafeloop-python/src/ffi.rs",
    "crates/cafeloop-python/src/object/",
    # Counts what is allocated, which takes an allocator.
    "crates/cafeloop/tests/memory.rs",
)
# The door for other threads, the pool behind it, and their primitives.
THREAD_ROOMS = (
    "crates/cafeloop/src/engine/inbox.rs",
    "crates/cafeloop/src/engine/blocking.rs",
    "crates/cafeloop/src/engine/primitives.rs",
)


def files(folder, pattern):
    return sorted(path for path in (ROOT / folder).rglob(pattern) if "target" not in path.parts)


def name(path):
    return path.relative_to(ROOT).as_posix()


def code(path):
    """Lines that are neither blank nor comment nor, in Rust, the file's own tests."""
    text = path.read_text()
    if path.suffix == ".rs":
        text = text.split("#[cfg(test)]\nmod tests {")[0]
        text = re.split(r"#\[cfg\(all\(test, .*\)\)\]\nmod tests \{", text)[0]
    else:
        text = re.sub(r'"""(?:.|\n)*?"""', "", text)
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("//", "#"))]


# The program that servers are measured with stands beside what it measures.
LOAD = "benches/load"
RUST = files("crates", "*.rs") + files("examples", "*.rs") + files(LOAD, "*.rs")
OWN_RUST = [path for path in RUST if "/tests/" not in name(path)]
PYTHON = [
    path
    for folder in ("python", "tests", "examples", "benches")
    for path in files(folder, "*.py")
]


def uses(path, pattern):
    return [line for line in code(path) if re.search(pattern, line)]


@pytest.mark.parametrize("path", RUST + PYTHON, ids=name)
def test_a_file_is_one_noun(path):
    assert len(code(path)) <= MOST_LINES_OF_CODE


@pytest.mark.parametrize("path", [path for path in OWN_RUST if path.name != "build.rs"], ids=name)
def test_a_file_says_at_its_top_what_it_owns(path):
    # A crate's front page may be a file of its own.
    assert path.read_text().startswith(("//!", "#![doc = include_str!"))


@pytest.mark.parametrize("path", RUST, ids=name)
def test_unsafe_code_stands_in_its_rooms(path):
    if not name(path).startswith(UNSAFE_ROOMS):
        assert not uses(path, r"\bunsafe\b(?!_)")


@pytest.mark.parametrize("path", OWN_RUST, ids=name)
def test_each_unsafe_block_says_why_it_is_sound(path):
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.search(r"\bunsafe\s*(\{|impl\b)", line) and not line.strip().startswith("//"):
            above = "\n".join(lines[max(0, number - 6) : number])
            assert "SAFETY:" in above, f"line {number + 1}"


@pytest.mark.parametrize("path", files("crates/cafeloop/src/engine", "*.rs"), ids=name)
def test_the_loops_own_state_has_no_lock_and_no_atomic(path):
    if not name(path).startswith(THREAD_ROOMS) and "/tests/" not in name(path):
        assert not uses(path, r"\b(Mutex|RwLock|Condvar|Atomic\w+)\b")


@pytest.mark.parametrize("path", files("crates/cafeloop/src/engine", "*.rs"), ids=name)
def test_the_engine_knows_no_language_and_does_not_print(path):
    assert not uses(path, r"\b(pyo3|async_task|Runnable)\b|crate::(task|net|api)\b|\be?print(ln)?!")


@pytest.mark.parametrize("path", files("crates/cafeloop/src/sys", "*.rs"), ids=name)
def test_sys_has_no_policy(path):
    assert not uses(path, r"crate::(engine|io|task|net|api)\b")


@pytest.mark.parametrize("path", files("crates/cafeloop/src/io", "*.rs"), ids=name)
def test_the_state_of_a_connection_knows_no_kernel(path):
    assert not uses(path, r"\bstd::(os|io|net|time|thread)\b|\brustix\b|\bRawFd\b|\bdyn Fn")
    assert not uses(path, r"crate::(sys|engine|net|task|api)\b")


FLOW = "crates/cafeloop-flow/src"


@pytest.mark.parametrize("path", files(FLOW, "*.rs"), ids=name)
def test_the_flow_is_given_everything(path):
    assert not uses(path, r"\bstd::(os|net|time|thread|env|fs|process)\b")


@pytest.mark.parametrize("path", sorted((ROOT / FLOW / "findings").glob("*.rs")), ids=name)
def test_a_finding_says_what_it_sees_why_it_matters_and_what_to_do(path):
    if path.name != "mod.rs":
        headings = re.findall(r"^//! # (.*)", path.read_text(), re.MULTILINE)
        assert headings == ["What it sees", "Why it matters", "What to do"]


@pytest.mark.parametrize("path", RUST, ids=name)
def test_only_the_border_of_the_engine_is_used_from_outside(path):
    if "/engine/" not in name(path):
        rooms = r"(core|turn|ready|timers|registry|signals|shared|inbox|blocking|clock|probe|host)"
        assert not uses(path, rf"\bengine::{rooms}::")


def dependencies(crate):
    manifest = tomllib.loads((ROOT / crate / "Cargo.toml").read_text())
    return set(manifest.get("dependencies", ())) | set(manifest.get("build-dependencies", ()))


CRATE_FOLDERS = [LOAD, *sorted(name(path.parent) for path in CRATES.glob("*/Cargo.toml"))]


@pytest.mark.parametrize("crate", CRATE_FOLDERS)
def test_only_the_python_crate_names_pyo3(crate):
    named = {dependency for dependency in dependencies(crate) if dependency.startswith("pyo3")}
    assert bool(named) == (crate == "crates/cafeloop-python")


@pytest.mark.parametrize(
    ("crate", "ours"),
    [
        ("crates/cafeloop-flow", set()),
        ("crates/cafeloop", {"cafeloop-flow"}),
        ("crates/cafeloop-cli", {"cafeloop-flow"}),
        ("crates/cafe", {"cafeloop"}),
        ("crates/cafeloop-python", {"cafe", "cafeloop", "cafeloop-cli"}),
        # It judges the others.
        (LOAD, set()),
    ],
)
def test_crates_depend_on_each_other_as_the_map_says(crate, ours):
    assert {name for name in dependencies(crate) if name.startswith("cafe")} == ours


def test_plain_cargo_builds_without_python():
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    assert "crates/cafeloop-python" not in workspace["default-members"]
    assert set(CRATE_FOLDERS) == {
        *workspace["default-members"],
        "crates/cafeloop-python",
    }


@pytest.mark.parametrize("crate", CRATE_FOLDERS)
def test_every_crate_has_the_lints_of_the_workspace(crate):
    manifest = tomllib.loads((ROOT / crate / "Cargo.toml").read_text())
    assert manifest["lints"] == {"workspace": True}


def test_every_dependency_is_argued_for():
    argued = (ROOT / "DESIGN.md").read_text().partition("## Dependencies")[2]
    ours = {Path(crate).name for crate in CRATE_FOLDERS}
    for crate in CRATE_FOLDERS:
        for dependency in dependencies(crate) - ours - {"pyo3-build-config"}:
            assert re.search(rf"\b{re.escape(dependency)}\b", argued), dependency


@pytest.mark.parametrize("path", files("python", "*.py"), ids=name)
def test_the_package_exits_only_in_its_command(path):
    if path.name not in ("__main__.py", "_explore.py", "_flow.py", "_program.py", "_recorded.py"):
        assert not uses(path, r"\bsys\.exit\b|\bos\._exit\b|\bprint\(")


LIBRARIES = [
    path
    for path in OWN_RUST
    if path.is_relative_to(CRATES) and path.name != "build.rs" and "benches" not in path.parts
]


@pytest.mark.parametrize("path", LIBRARIES + files(f"{LOAD}/src", "*.rs"), ids=name)
def test_libraries_neither_print_nor_exit(path):
    # Scripts of a build talk to cargo, benchmarks to whoever runs them, and a main function ends
    # its program.
    assert not uses(path, r"\be?print(ln)?!|\bdbg!|\bprocess::(exit|abort)\b")


def flags(path):
    """The long options that a file declares for clap."""
    declared = re.findall(r"#\[arg\(([^]]*\blong\b[^]]*)\)\](?:\s*#\[[^]]*\])*\s*(?:pub )?(\w+):",
                          path.read_text())
    for options, field in declared:
        named = re.search(r'long = "([\w-]+)"', options)
        yield "--" + (named[1] if named else field.replace("_", "-"))


def test_every_flag_is_documented():
    documents = [ROOT / "README.md", *files("docs", "*.md")]
    text = "\n".join(path.read_text() for path in documents)
    found = [flag for path in LIBRARIES for flag in flags(path)]
    assert {"--customers", "--order", "--verbose"} <= set(found)
    assert [flag for flag in found if not re.search(rf"`[^`]*{flag}\b", text)] == []


DOCUMENTS = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "docs/cafe.md"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_path_that_a_document_names_exists(document):
    text = (ROOT / document).read_text()
    for path in re.findall(r"`((?:crates|python|tests|examples|benches|docs|\.ci)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
