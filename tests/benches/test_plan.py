"""The order of measurements."""

from dataclasses import replace
from itertools import pairwise

from benches.compare.catalogue import find_rows
from benches.compare.loops import LIMIT
from benches.compare.plan import plan
from tests.benches.conftest import PLAIN

ENTRIES = find_rows("tests.benches.rows")
LOOPS = [replace(PLAIN, name=name) for name in ("one", "two", "three")]


def pairs(turns):
    return [turn.pair for turn in turns]


def test_each_round_has_every_row_on_every_loop_once():
    turns = plan(ENTRIES, LOOPS, limit=False, rounds=3, seed=1)
    for number in (1, 2, 3):
        of_round = pairs(turn for turn in turns if turn.round == number)
        expected = {
            (entry.row.name, loop.name)
            for entry in ENTRIES
            for loop in LOOPS
            if number <= entry.row.most_rounds
        }
        assert set(of_round) == expected
        assert len(of_round) == len(expected)


def test_a_round_is_complete_before_the_next_begins():
    rounds = [turn.round for turn in plan(ENTRIES, LOOPS, limit=True, rounds=3, seed=1)]
    assert all(earlier <= later for earlier, later in pairwise(rounds))


def test_loops_and_rows_are_interleaved():
    turns = plan(ENTRIES, LOOPS, limit=False, rounds=1, seed=1)
    for of in (lambda turn: turn.loop_name, lambda turn: turn.entry.row.name):
        order = [of(turn) for turn in turns]
        changes = sum(one != next_one for one, next_one in pairwise(order))
        assert changes > len(set(order))


def test_an_order_is_its_seeds():
    assert pairs(plan(ENTRIES, LOOPS, limit=True, rounds=2, seed=1)) == pairs(
        plan(ENTRIES, LOOPS, limit=True, rounds=2, seed=1)
    )
    assert pairs(plan(ENTRIES, LOOPS, limit=True, rounds=2, seed=1)) != pairs(
        plan(ENTRIES, LOOPS, limit=True, rounds=2, seed=2)
    )


def test_rounds_have_orders_of_their_own():
    turns = plan(ENTRIES, LOOPS, limit=False, rounds=2, seed=1)
    first, second = (pairs(turn for turn in turns if turn.round == number) for number in (1, 2))
    assert [pair for pair in first if pair in second] != second


def test_the_limit_runs_where_a_row_names_one():
    turns = plan(ENTRIES, LOOPS, limit=True, rounds=1, seed=1)
    assert [(turn.entry.module, turn.entry.row.name) for turn in turns if turn.loop is None] == [
        ("tests.benches.rows.servers", "serve-well")
    ]
    assert {turn.loop_name for turn in turns if turn.loop is None} == {LIMIT}
    assert all(turn.loop for turn in plan(ENTRIES, LOOPS, limit=False, rounds=1, seed=1))
