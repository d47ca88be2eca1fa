"""What `run` is for: the event loops that the program makes are cafeloop's."""

import textwrap

import pytest

MAKERS = {
    "asyncio.run": """\
        async def main():
            tell(asyncio.get_running_loop())
        asyncio.run(main())
        """,
    "asyncio.Runner": """\
        with asyncio.Runner() as runner:
            tell(runner.get_loop())
        """,
    "asyncio.new_event_loop": """\
        loop = asyncio.new_event_loop()
        tell(loop)
        loop.close()
        """,
    "a thread": """\
        import threading
        async def main():
            tell(asyncio.get_running_loop())
        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        thread.join()
        """,
}

HEAD = """\
{importing}
def tell(loop):
    import cafeloop
    print(isinstance(loop, cafeloop.Loop))
"""

# However asyncio comes in, its loops are ours.
IMPORTS = {
    "by its name": "import asyncio",
    "by a part of it": "import asyncio.events; import asyncio",
    "by one of its names": "from asyncio import run; import asyncio",
    "by another module": "import unittest.async_case; import asyncio",
    "after it was looked for": "import importlib.util as u; u.find_spec('asyncio'); import asyncio",
}


def program(importing: str, maker: str) -> str:
    return HEAD.format(importing=IMPORTS[importing]) + textwrap.dedent(MAKERS[maker])


@pytest.mark.parametrize("maker", MAKERS)
def test_a_loop_is_ours_however_it_is_made(write, cafeloop, maker):
    write("cafe.py", program("by its name", maker))
    assert cafeloop("run", "cafe.py") == (0, "True\n", "")


@pytest.mark.parametrize("importing", IMPORTS)
def test_a_loop_is_ours_however_asyncio_was_imported(write, cafeloop, importing):
    write("cafe.py", program(importing, "asyncio.run"))
    assert cafeloop("run", "cafe.py") == (0, "True\n", "")


def test_a_loop_of_a_module_is_ours(write, cafeloop):
    write("cafe.py", program("by its name", "asyncio.run"))
    assert cafeloop("run", "-m", "cafe") == (0, "True\n", "")


def test_a_loop_of_asyncios_own_prompt_is_ours(cafeloop):
    question = "import cafeloop; print(isinstance(asyncio.get_running_loop(), cafeloop.Loop))\n"
    ending = cafeloop("run", "-m", "asyncio", stdin=question)
    assert ending.status == 0
    assert "True\n" in ending.stdout


def test_asyncio_itself_looks_as_it_always_does(write, same_end):
    write(
        "cafe.py",
        "import asyncio, sys\n"
        "print(type(asyncio.__loader__), asyncio.__spec__.loader is asyncio.__loader__)\n"
        "print(asyncio.__spec__.origin, [type(finder) for finder in sys.meta_path])\n",
    )
    assert same_end("cafe.py").status == 0


def test_a_program_without_asyncio_is_not_given_it(write, same_end):
    write("cafe.py", "import sys; print('asyncio' in sys.modules)\n")
    assert same_end("cafe.py").stdout == "False\n"


@pytest.mark.parametrize("name", ["queue", "selectors", "signal", "socket", "ssl"])
def test_a_file_named_as_what_asyncio_loads_is_the_programs(write, same_end, name):
    write(f"{name}.py", "coffee = 'Mocha'\n")
    write("cafe.py", f"import {name}; print({name}.coffee)\n")
    assert same_end("cafe.py").stdout == "Mocha\n"


def test_a_program_that_hides_asyncio_fails_in_its_own_way(write, cafeloop):
    write("asyncio.py", "import asyncio\nasyncio.run\n")
    ending = cafeloop("run", "asyncio.py")
    assert ending.status == 1
    # The advice after it depends on where the interpreter itself has started.
    assert "AttributeError: " in ending.stderr
    assert "cafeloop" not in ending.stderr


LOOPS = {
    0: "the program made no event loop",
    1: "the program's event loop was cafeloop.Loop",
    3: "the program's 3 event loops were cafeloop.Loop",
}


@pytest.mark.parametrize("made", LOOPS)
def test_a_verbose_run_says_at_its_end_which_loops_there_were(write, cafeloop, made):
    write("cafe.py", "import asyncio\n" + "asyncio.run(asyncio.sleep(0))\n" * made)
    assert cafeloop("run", "--verbose", "cafe.py") == (0, "", f"cafeloop: {LOOPS[made]}\n")


def test_a_verbose_run_of_a_program_without_asyncio_made_none(write, cafeloop):
    write("cafe.py", "print('Mocha')\n")
    assert cafeloop("run", "-v", "cafe.py") == (0, "Mocha\n", f"cafeloop: {LOOPS[0]}\n")


def test_a_verbose_run_that_fails_says_so_too(write, cafeloop):
    write("cafe.py", "import asyncio\nasyncio.run(asyncio.sleep(0))\n1 / 0\n")
    ending = cafeloop("run", "-v", "cafe.py")
    assert ending.status == 1
    assert ending.stderr.startswith(f"cafeloop: {LOOPS[1]}\nTraceback")


def test_a_verbose_run_of_nothing_says_only_that(cafeloop):
    message = "cafeloop: can't open 'cafe.py': no such file or directory\n"
    assert cafeloop("run", "-v", "cafe.py") == (2, "", message)
