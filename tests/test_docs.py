"""The examples of the documents, run as a reader would run them."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

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
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert (process.returncode, process.stderr) == (0, "")
    assert tests and f"{len(tests)} passed" in process.stdout
