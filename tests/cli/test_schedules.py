"""`--clock` and `--seed`: what the event loops of a program go by."""

import time
from pathlib import Path

import pytest

CAFES = Path(__file__).resolve().parents[2] / "examples" / "cafe"

# Who is served first, and what time it was: in asyncio's order 0, 1, 2, 3 at 3600.
SERVED = """\
import asyncio, {importing}

async def customer(number):
    await asyncio.sleep(3600)
    await asyncio.sleep(0)
    print(number, end=" ")

async def main():
    await asyncio.gather(*(customer(number) for number in range(4)))
    print(asyncio.get_running_loop().time())

{run}
"""
ASYNCIOS = "0 1 2 3 3600.0\n"


def served(run="asyncio.run(main())", importing="sys"):
    return SERVED.format(run=run, importing=importing)


def test_on_a_virtual_clock_an_hour_takes_no_time(write, cafeloop):
    write("cafe.py", served())
    assert cafeloop("run", "--clock", "virtual", "cafe.py") == (0, ASYNCIOS, "")
    assert cafeloop("run", "--clock", "virtual", "-m", "cafe") == (0, ASYNCIOS, "")


@pytest.mark.parametrize(
    "runs",
    ["asyncio.run(main()); asyncio.run(main())", "cafeloop.run(main()); cafeloop.run(main())"],
    ids=["asyncio", "cafeloop"],
)
def test_each_loop_has_a_clock_of_its_own(write, cafeloop, runs):
    write("cafe.py", served(runs, "cafeloop"))
    assert cafeloop("run", "--clock", "virtual", "cafe.py") == (0, ASYNCIOS * 2, "")


@pytest.mark.slow
def test_a_seed_chooses_the_order_and_the_same_one_again(write, cafeloop):
    write("cafe.py", served())
    command = ["run", "--clock", "virtual", "--seed"]
    orders = {seed: cafeloop(*command, str(seed), "cafe.py") for seed in range(8)}
    assert len(set(orders.values())) > 1
    for seed, ending in orders.items():
        assert sorted(ending.stdout.split()) == ["0", "1", "2", "3", "3600.0"]
        assert cafeloop(*command, str(seed), "cafe.py") == ending


def test_each_loop_has_the_same_seed(write, cafeloop):
    write("cafe.py", served("asyncio.run(main()); asyncio.run(main())"))
    first, second = cafeloop("run", "--clock=virtual", "--seed=3", "cafe.py").stdout.splitlines()
    assert first == second != ASYNCIOS


def test_what_the_program_says_itself_holds(write, cafeloop):
    write("cafe.py", """\
import asyncio, cafeloop

async def main():
    return asyncio.get_running_loop().clock

asked = cafeloop.VirtualClock()
assert cafeloop.run(main(), clock=asked) is asked
assert cafeloop.run(main(), clock="real") is None
cafeloop.install()
assert asyncio.run(main()) not in (asked, None)
""")
    assert cafeloop("run", "--clock", "virtual", "cafe.py") == (0, "", "")


def test_the_real_clock_is_the_machines(write, cafeloop):
    write("cafe.py", """\
import asyncio

async def main():
    return asyncio.get_running_loop().clock

assert asyncio.run(main()) is None
""")
    assert cafeloop("run", "--clock", "real", "cafe.py") == (0, "", "")


def test_a_program_is_drawn_by_its_clock(write, cafeloop):
    write("cafe.py", served())
    status, stdout, stderr = cafeloop("flow", "--clock", "virtual", "--seed", "3", "cafe.py")
    assert (status, stderr) == (0, "")
    assert "customer(0)" in stdout


# What the cafés in Rust say of themselves on their virtual clock, too.
@pytest.mark.parametrize(("cafe", "seconds"), [("sync_cafe.py", "10.00"), ("async_cafe.py", "5.00")])
def test_on_a_patched_clock_the_cafes_are_served_at_once_and_say_how_long_it_took(
    cafeloop, cafe, seconds
):
    began = time.monotonic()
    ending = cafeloop("run", "--clock", "patched", CAFES / cafe)
    assert time.monotonic() - began < 5
    assert (ending.status, ending.stderr) == (0, "")
    assert ending.stdout.splitlines()[-1] == f"Serving 2 customers took {seconds} seconds"


def test_a_patched_clock_leaves_a_programs_own_modules_to_it(write, end_of, entry_script):
    # As installed: before 3.12, `python -m` needs the standard library's itself.
    for name in ("contextlib", "typing", "collections"):
        write(f"{name}.py", "raise SystemExit('the program has its own')\n")
    write("early.py", "import time\ntime.sleep(60)\nprint(time.monotonic(), time.perf_counter())\n")
    command = [*entry_script, "run", "--clock", "patched", "early.py"]
    assert end_of(command) == (0, "60.0 60.0\n", "")


def test_on_a_patched_clock_one_loop_goes_on_where_another_ended(write, cafeloop):
    write("cafe.py", served("asyncio.run(main()); time.sleep(60); asyncio.run(main())", "time"))
    status, stdout, stderr = cafeloop("run", "--clock", "patched", "cafe.py")
    assert (status, stdout, stderr) == (0, "0 1 2 3 3600.0\n0 1 2 3 7260.0\n", "")


@pytest.mark.parametrize("command", ["run", "flow"])
@pytest.mark.parametrize("option", ["--clock=sundial", "--seed=-1", "--seed=x"])
def test_what_is_no_clock_or_no_seed_is_refused(write, cafeloop, command, option):
    write("cafe.py", "print('Mocha')\n")
    status, stdout, stderr = cafeloop(command, option, "cafe.py")
    assert (status, stdout) == (2, "")
    name, value = option.split("=")
    assert stderr.startswith(f"error: invalid value '{value}' for '{name} <")
