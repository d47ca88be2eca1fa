"""Programs that can't be started: one line that says why, and exit code 2."""

import os

import pytest


@pytest.fixture
def refusal(cafeloop):
    """What the command says when it refuses to run this."""

    def refusal(*program):
        status, stdout, stderr = cafeloop("run", *program)
        assert (status, stdout) == (2, "")
        assert stderr.startswith("cafeloop: can't ") and stderr.endswith("\n")
        assert stderr.count("\n") == 1
        return stderr.removeprefix("cafeloop: ").removesuffix("\n")

    return refusal


def test_a_missing_file(refusal):
    assert refusal("cafe.py") == "can't open 'cafe.py': no such file or directory"
    assert refusal("no/cafe.py", "latte") == "can't open 'no/cafe.py': no such file or directory"


def test_a_path_through_a_file(write, refusal):
    write("cafe.py", "")
    assert refusal("cafe.py/menu.py") == "can't open 'cafe.py/menu.py': not a directory"


def test_a_link_to_itself(folder, refusal):
    (folder / "cafe.py").symlink_to("cafe.py")
    assert refusal("cafe.py") == "can't open 'cafe.py': too many levels of symbolic links"


def test_a_name_that_is_no_text(refusal):
    name = os.fsdecode(b"caf\xe9.py")
    assert refusal(name) == r"can't open 'caf\udce9.py': no such file or directory"


def test_a_directory_without_a_main(folder, refusal):
    (folder / "cafe").mkdir()
    found = f"can't find '__main__' module in '{folder}/cafe'"
    assert refusal("cafe") == f"can't run 'cafe': {found}"


def test_a_compiled_file_of_another_version(write, refusal):
    write("cafe.pyc", b"\0" * 16)
    assert refusal("cafe.pyc").startswith("can't run 'cafe.pyc': bad magic number")


def test_a_missing_module(refusal):
    assert refusal("-m", "cafe") == "can't run module 'cafe': no module named cafe"


def test_a_module_in_a_missing_package(refusal):
    refused = refusal("-m", "cafe.brew")
    assert refused.startswith("can't run module 'cafe.brew': error while finding module")


def test_a_package_without_a_main(write, refusal):
    write("cafe/__init__.py", "")
    found = "no module named cafe.__main__; 'cafe' is a package and cannot be directly executed"
    assert refusal("-m", "cafe") == f"can't run module 'cafe': {found}"


def test_a_module_without_source(refusal):
    assert refusal("-m", "sys") == "can't run module 'sys': no code object available for sys"
