"""The explicit calls that make the package's loop the one that runs: `run`, `install`, a policy."""

import asyncio
import importlib
import sys
import threading
import warnings

import pytest

pytestmark = pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)


@pytest.fixture
def package(loop_name, left_as_found):
    """The package, which is uninstalled again at the end."""
    package = importlib.import_module(loop_name)
    yield package
    package.uninstall()
    assert not makes_ours(package)


async def running_loop():
    return asyncio.get_running_loop()


def makes_ours(package):
    """Whether the loop that a program gets without asking for any is the package's."""
    loop = asyncio.new_event_loop()
    loop.close()
    return type(loop) is package.Loop


def set_policy(policy):
    with warnings.catch_warnings():
        # Policies as such are deprecated since 3.14; here ours is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(policy)


def test_installing_makes_ours_the_loop_that_programs_get(package):
    assert not makes_ours(package)
    package.install()
    assert makes_ours(package)
    assert type(asyncio.run(running_loop())) is package.Loop
    with asyncio.Runner() as runner:
        assert type(runner.get_loop()) is package.Loop


def test_installing_holds_in_every_thread(package):
    package.install()
    seen = []
    thread = threading.Thread(target=lambda: seen.append(type(asyncio.run(running_loop()))))
    thread.start()
    thread.join()
    assert seen == [package.Loop]


async def hour_later():
    await asyncio.sleep(3600)
    return asyncio.get_running_loop().clock


@pytest.mark.parametrize("run", ["asyncio", "cafeloop"])
def test_a_clock_holds_for_loops_that_are_not_told_otherwise(package, run):
    run = {"asyncio": asyncio.run, "cafeloop": package.run}[run]
    package.install(clock="virtual")
    first, second = run(hour_later()), run(hour_later())
    assert first.time() == second.time() == 3600
    assert first is not second
    # What isn't given stays as it is.
    package.install(seed=3)
    assert run(hour_later()).time() == 3600
    package.install(clock=first)
    assert run(hour_later()) is first
    assert first.time() == 7200


def test_uninstalling_gives_the_real_clock_back(package):
    package.install(clock="virtual", seed=3)
    package.uninstall()
    loop = package.new_event_loop()
    loop.close()
    assert loop.clock is None


def test_what_is_no_clock_or_no_seed_is_refused_and_changes_nothing(package):
    with pytest.raises(ValueError, match="^clock must be 'real', 'virtual' or a VirtualClock"):
        package.install(clock="sundial")
    with pytest.raises(ValueError, match="^seed must be an integer from 0 to"):
        package.install(clock="virtual", seed=-1)
    assert not makes_ours(package)
    loop = package.new_event_loop()
    loop.close()
    assert loop.clock is None


def test_uninstalling_gives_the_standard_loop_back(package):
    package.install()
    package.uninstall()
    assert not makes_ours(package)
    assert type(asyncio.run(running_loop())) is not package.Loop


def test_installing_twice_is_installing_once(package):
    package.install()
    package.install()
    assert makes_ours(package)
    package.uninstall()
    assert not makes_ours(package)


def test_uninstalling_what_was_not_installed_does_nothing(package):
    package.uninstall()
    assert not makes_ours(package)


def test_installing_again_after_uninstalling_works(package):
    for _ in range(3):
        package.install()
        assert makes_ours(package)
        package.uninstall()
        assert not makes_ours(package)


def test_a_loop_that_a_program_asks_for_by_name_is_still_the_one_it_gets(package):
    package.install()
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        assert type(runner.get_loop()) is asyncio.SelectorEventLoop


def test_installing_keeps_the_current_loop(package):
    loop = package.new_event_loop()
    asyncio.set_event_loop(loop)
    package.install()
    package.uninstall()
    assert asyncio.get_event_loop() is loop
    asyncio.set_event_loop(None)
    loop.close()


def test_the_policy_makes_our_loop_when_it_is_set(package):
    policy = package.EventLoopPolicy()
    set_policy(policy)
    try:
        assert makes_ours(package)
        assert type(asyncio.run(running_loop())) is package.Loop
    finally:
        set_policy(None)


def test_the_policy_remembers_a_loop_for_each_thread(package):
    policy = package.EventLoopPolicy()
    loop = policy.new_event_loop()
    assert type(loop) is package.Loop
    policy.set_event_loop(loop)
    assert policy.get_event_loop() is loop
    errors = []

    def ask():
        try:
            policy.get_event_loop()
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=ask, name="stranger")
    thread.start()
    thread.join()
    assert errors == ["There is no current event loop in thread 'stranger'."]
    policy.set_event_loop(None)
    loop.close()


def test_running_gives_the_result_and_closes_the_loop(package):
    loop = package.run(running_loop())
    assert type(loop) is package.Loop
    assert loop.is_closed()


def test_running_raises_what_the_program_raised(package):
    async def spill():
        raise ValueError("spilt")

    with pytest.raises(ValueError, match="^spilt$"):
        package.run(spill())


def test_running_installs_nothing(package):
    async def main():
        return makes_ours(package)

    assert package.run(main()) is False
    assert not makes_ours(package)


def test_running_takes_the_debug_mode_by_name(package):
    async def main():
        return asyncio.get_running_loop().get_debug()

    assert package.run(main(), debug=True) is True
    assert package.run(main(), debug=False) is False
    coroutine = main()
    with pytest.raises(TypeError):
        package.run(coroutine, True)
    coroutine.close()


@pytest.mark.parametrize("what", [42, None, print, running_loop])
def test_running_what_is_no_coroutine_is_refused_as_by_the_standard_run(package, what):
    with pytest.raises((TypeError, ValueError)) as standard:
        asyncio.run(what)
    with pytest.raises(standard.type) as ours:
        package.run(what)
    assert str(ours.value) == str(standard.value)


def test_running_within_a_running_loop_is_refused(package):
    async def main():
        coroutine = running_loop()
        with pytest.raises(RuntimeError, match="cannot be called from a running event loop$"):
            package.run(coroutine)
        coroutine.close()

    package.run(main())
    asyncio.run(main())


def test_running_ends_what_the_program_left(package):
    ended = []

    async def endless():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("task")

    async def pour():
        try:
            yield "coffee"
        finally:
            ended.append("generator")

    async def main():
        left.append(asyncio.create_task(endless()))
        left.append(pour())
        await anext(left[1])
        await asyncio.to_thread(int)

    left = []
    package.run(main())
    assert ended == ["task", "generator"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("asyncio")]


if sys.version_info < (3, 14):

    def test_uninstalling_gives_back_the_policy_that_was_set_before(package):
        class Policy(asyncio.DefaultEventLoopPolicy):
            pass

        policy = Policy()
        set_policy(policy)
        try:
            package.install()
            assert makes_ours(package)
            package.uninstall()
            assert asyncio.get_event_loop_policy() is policy
        finally:
            set_policy(None)
