"""The examples of the documents, run as a reader would run them."""

import importlib.metadata
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A limit against hanging, not an expectation.
LIMIT_SECONDS = 60

PRINTED = {
    "README.md": ["Your Latte is ready, enjoy!\n"],
    "docs/flow.md": ["", ""],
    "docs/time.md": [
        "Latte [0.0, 60.0, 180.0, 420.0, 900.0]\n",
        "['ABC', 'ACB', 'BAC', 'BCA', 'CAB', 'CBA']\nTrue\n",
    ],
}


def examples(document):
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)


def test_every_document_with_python_in_it_is_run():
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    names = [document.relative_to(ROOT).as_posix() for document in documents]
    assert {name for name in names if examples(name)} == set(PRINTED)


def is_test(example):
    return "def test_" in example


@pytest.mark.slow
@pytest.mark.parametrize("document", PRINTED)
def test_the_python_of_a_document_prints_what_it_says(document, tmp_path):
    printed = []
    for example in itertools.filterfalse(is_test, examples(document)):
        script = tmp_path / "example.py"
        script.write_text(example)
        command = [sys.executable, "-W", "error", script]
        process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_SECONDS)
        assert process.stderr == ""
        printed.append(process.stdout)
    assert printed == PRINTED[document]


@pytest.mark.slow
def test_the_tests_of_the_documents_pass(tmp_path):
    tests = [example for document in PRINTED for example in filter(is_test, examples(document))]
    for number, example in enumerate(tests):
        (tmp_path / f"test_{number}.py").write_text(example)
    # Other plugins would have their say, and some of them warn.
    command = [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:asyncio", "-p", "no:anyio"]
    if not importlib.metadata.entry_points(group="pytest11", name="cafeloop"):
        # The package is on the path, but not installed.
        command += ["-p", "cafeloop.pytest_plugin"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert (process.returncode, process.stderr) == (0, "")
    assert tests and f"{len(tests)} passed" in process.stdout


class Tutorial:
    """`docs/tutorial.md`, and what its commands did in a tree of their own.

    There a coffee takes a second.  Everything else is as a reader has it.
    """

    PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    PICTURES = sorted(re.findall(r"\]\((tutorial/\w+\.svg)\)", PAGE))

    def __init__(self, tree):
        self.tree = tree
        self.printed = []
        shutil.copytree(ROOT / "examples" / "cafe", tree / "examples" / "cafe")
        (tree / "docs" / "tutorial").mkdir(parents=True)
        for program in tree.glob("examples/cafe/*.py"):
            source, hurried = program.read_text(encoding="utf-8"), "BREW_SECONDS = 1\n"
            assert source.count("BREW_SECONDS = 5\n") == 1
            program.write_text(source.replace("BREW_SECONDS = 5\n", hurried), encoding="utf-8")

    @classmethod
    def shown(cls):
        """Commands, and the text that the page shows below them, if it does."""
        blocks = re.findall(r"^```(sh|text)\n(.*?)^```$", cls.PAGE, re.DOTALL | re.MULTILINE)
        pairs = zip(blocks, [*blocks[1:], ("sh", "")], strict=True)
        return [(commands, text if kind == "text" else None)
                for (block, commands), (kind, text) in pairs if block == "sh"]

    def follow(self):
        command = 'cafeloop() { "$PYTHON" -m cafeloop "$@"; }\n'
        for commands, _ in self.shown():
            process = subprocess.run(
                ["bash", "-e", "-c", command + commands],
                cwd=self.tree,
                env={**os.environ, "PYTHON": sys.executable, "PYTHONUTF8": "1"},
                capture_output=True,
                encoding="utf-8",
                timeout=LIMIT_SECONDS,
            )
            assert process.returncode == 0, process.stderr
            self.printed.append(process.stdout)


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    tutorial = Tutorial(tmp_path_factory.mktemp("tutorial"))
    tutorial.follow()
    return tutorial


def without_processes(picture):
    """What is said of the program itself: how a pool starts others differs between Pythons."""
    return re.sub("^process .*\n(?:.+\n)*", "", picture, flags=re.MULTILINE).partition("\nProcess ")[0]


def lanes(picture):
    """Of a picture in text: each lane's label, and what it did for five cells or longer."""
    found = []
    for ruler, rows in re.findall(r"^( +)┬.*\n((?:.+\n)*)", picture, re.MULTILINE):
        for row in rows.splitlines():
            if did := re.findall(r"█{5}|▒{5}|├", re.sub(r"([█▒])\1{5,}", r"\1" * 5, row)):
                found.append((row[: len(ruler)].strip(), [state[0] for state in did]))
    return found


def findings(picture):
    return set(re.findall(r"^  ([a-z-]+)\n    (\w+ \(\w+\.py:\d+\))", picture, re.MULTILINE))


def waits(picture):
    """The places of waiting, which may stand on the next line."""
    return set(re.findall(r"^  waiting [^\n]+\s[^\n]*?(\w+ \(\w+\.py:\d+\))", picture, re.MULTILINE))


@pytest.mark.slow
def test_the_commands_of_the_tutorial_print_what_it_shows(tutorial):
    # A busy machine may have findings of its own; the page's are where the page has them.
    known = set().union(*(findings(text) for _, text in Tutorial.shown() if text))
    assert {name for name, _ in known} == {"sequential-waits", "blocked-loop"}
    for (commands, text), printed in zip(Tutorial.shown(), tutorial.printed, strict=True):
        if text is not None:
            text, printed = without_processes(text), without_processes(printed)
            assert lanes(text) != [], commands
            assert lanes(printed) == lanes(text)
            assert waits(printed) == waits(text)
            assert findings(printed) & known == findings(text)
            gone = re.compile("^Findings gone: .*", re.MULTILINE)
            assert gone.findall(printed) == gone.findall(text)


def bars(picture):
    """Of an SVG: its lanes' labels, and every bar that is long enough to be seen."""
    elements = ElementTree.parse(picture).getroot()
    svg = "{http://www.w3.org/2000/svg}"
    labels = [text.text for text in elements.iter(f"{svg}text") if text.get("class") == "right"]
    drawn = [(bar.get("class"), bar.get("y")) for bar in elements.iter(f"{svg}rect")
             if int(bar.get("width")) >= 50]
    # Of two that meet it depends on a pixel whether they are one.
    return labels, [bar for bar, _ in itertools.groupby(drawn[1:])]


@pytest.mark.slow
@pytest.mark.parametrize("picture", Tutorial.PICTURES)
def test_the_pictures_of_the_tutorial_are_what_its_commands_draw(tutorial, picture):
    labels, drawn = bars(ROOT / "docs" / picture)
    assert labels and drawn
    assert bars(tutorial.tree / "docs" / picture) == (labels, drawn)


def test_the_tutorial_shows_every_picture_that_is_there():
    there = [f"tutorial/{file.name}" for file in sorted((ROOT / "docs" / "tutorial").iterdir())]
    assert there == Tutorial.PICTURES


def test_the_changes_in_the_tutorial_are_those_between_the_cafes():
    changes = "".join(re.findall(r"^```diff\n(.*?)^```$", Tutorial.PAGE, re.DOTALL | re.MULTILINE))
    for sign, name in (("-", "sync_cafe.py"), ("+", "async_cafe.py")):
        source = (ROOT / "examples" / "cafe" / name).read_text(encoding="utf-8").splitlines()
        changed = [line[1:] for line in changes.splitlines() if line.startswith((sign, " "))]
        assert len(changed) > 2
        assert [line for line in changed if line not in source] == []
