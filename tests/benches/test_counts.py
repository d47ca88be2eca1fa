"""`make bench-counts`: reading, comparing and storing instruction counts, without Valgrind."""

import os
import shutil
import subprocess
import sys

import pytest

import cafeloop
from benches.counts import __main__ as command
from benches.counts import base, callgrind, figures, verdict
from benches.counts.build import differences, this_build
from benches.counts.figures import Figure, Figures, FiguresError
from benches.counts.rows import ROWS, TASKS
from benches.counts.verdict import Comparison, Verdict

NAMES = [row.name for row in ROWS]

PROFILE = """\
# callgrind format
version: 1
part: 2
events: Ir
fn=(1) main
12 400
totals: 4000
"""


# --- one row


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        (1030, Verdict.SAME),
        (1031, Verdict.GREW),
        (970, Verdict.SAME),
        (969, Verdict.SHRANK),
    ],
)
def test_a_row_has_moved_when_it_changed_by_more_than_three_percent(counted, expected):
    assert Comparison("queue", 1000, counted).verdict is expected


def test_growth_fails_and_a_shrunk_row_passes():
    failing = {each for each in Verdict if each.fails}
    assert failing == {Verdict.GREW, Verdict.NEW, Verdict.GONE}


def test_rows_without_a_counterpart_are_new_or_gone():
    compared = verdict.compare({"old": 10, "both": 10}, {"both": 10, "young": 10})
    assert [(row.name, row.verdict) for row in compared] == [
        ("both", Verdict.SAME),
        ("young", Verdict.NEW),
        ("old", Verdict.GONE),
    ]


def test_a_table_shows_what_moved_and_by_how_much():
    compared = verdict.compare({"queue": 1000, "lock": 1000, "old": 7}, {"queue": 1100, "lock": 999})
    assert verdict.table(compared, "stored").splitlines() == [
        "instructions per operation     stored    counted    change",
        "queue                            1000       1100   +10.0 %  grew",
        "lock                             1000        999    -0.1 %",
        "old                                 7          -            gone",
    ]


def test_the_last_line_says_what_to_do_about_rows_that_moved():
    compared = verdict.compare({"queue": 1000, "lock": 1000}, {"queue": 1100, "lock": 900})
    assert verdict.last_line(compared, "run this") == (
        "2 rows, 1 grew by more than 3 %, 1 shrank by more than 3 %; where that is meant: run this"
    )
    compared = verdict.compare({"queue": 1000}, {"queue": 1001})
    assert verdict.last_line(compared, "run this") == "1 rows, none moved by more than 3 %"


# --- what is stored


def stored(**rows):
    return Figures(this_build(), {name: Figure(each, "before") for name, each in rows.items()})


def test_what_was_written_is_read_again(tmp_path):
    path = tmp_path / "3.11.toml"
    written = Figures({"python": "3.11.7", "flags": '-D"é"\\'}, {"queue": Figure(12, "it's 'é' \"\"")})
    figures.write(path, written)
    assert figures.read(path) == written


def test_a_row_is_a_line_of_the_file(tmp_path):
    path = tmp_path / "3.11.toml"
    figures.write(path, stored(queue=12, lock=345))
    assert path.read_text().splitlines()[-2:] == [
        'queue = { instructions = 12, reason = "before" }',
        'lock  = { instructions = 345, reason = "before" }',
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[build", r"Expected ']'"),
        ("[rows]", r"no 'build'"),
        ("[build]", r"no 'rows'"),
        ("build = 1\nrows = 2", r"int"),
        ("[build]\npython = 3.11\n[rows]", r"expected text in quotes, found 3.11"),
        ("[build]\n[rows]\nqueue = 12", r"int"),
        ("[build]\n[rows]\nqueue = { reason = 'x' }", r"no 'instructions'"),
        ("[build]\n[rows]\nqueue = { instructions = 1 }", r"no 'reason'"),
        (
            "[build]\n[rows]\nqueue = { instructions = '1', reason = 'x' }",
            r"expected a number of instructions, found '1'",
        ),
        (
            "[build]\n[rows]\nqueue = { instructions = 0, reason = 'x' }",
            r"expected a number of instructions, found 0",
        ),
        (
            "[build]\n[rows]\nqueue = { instructions = true, reason = 'x' }",
            r"expected a number of instructions, found True",
        ),
        ("\x00", r"line 1"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path, content, complaint):
    path = tmp_path / "3.11.toml"
    path.write_text(content)
    with pytest.raises(FiguresError, match=complaint) as caught:
        figures.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("path", sorted(figures.FOLDER.glob("*.toml")), ids=lambda path: path.name)
def test_the_projects_own_figures_are_of_the_rows_there_are(path):
    found = figures.read(path)
    assert list(found.rows) == NAMES
    assert found.build["python"].startswith(path.stem)


def test_an_update_keeps_what_did_not_move():
    new = verdict.updated(
        stored(queue=1000, lock=1000, gone=1), this_build(), {"queue": 1020, "lock": 1040}, "why"
    )
    assert new.rows == {"queue": Figure(1000, "before"), "lock": Figure(1040, "why")}


def test_an_update_with_another_build_replaces_all():
    old = Figures({"python": "3.11.0"}, {"queue": Figure(1000, "before")})
    assert verdict.updated(old, this_build(), {"queue": 1001}, "why") == Figures(
        this_build(), {"queue": Figure(1001, "why")}
    )


def test_builds_differ_by_what_they_say():
    there = {"rust": "1.88.0", "libc": "glibc 2.36", "gone": "x"}
    here = {"rust": "1.95.0", "libc": "glibc 2.36"}
    assert differences(there, here) == [
        "rust: 1.88.0 there, 1.95.0 here",
        "gone: x there, unknown here",
    ]


def test_a_build_says_what_made_it_and_not_where():
    build = this_build()
    assert "" not in (build["python"], build["compiler"], build["rust"], build["libc"])
    assert sys.prefix not in " ".join(build.values())


# --- what is counted


def test_a_profile_is_read_by_its_total():
    assert callgrind.total(PROFILE) == 4000


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (PROFILE.replace("events: Ir", "events: Dr"), "something else than instructions"),
        (PROFILE.replace("totals", "summary"), "no line 'totals: NUMBER'"),
        ("", "something else than instructions"),
    ],
)
def test_another_profile_is_refused(wrong, complaint):
    with pytest.raises(callgrind.CountError, match=complaint):
        callgrind.total(wrong)


@pytest.fixture
def valgrind(tmp_path, monkeypatch):
    """Puts a shell script in Valgrind's place, in which $folder is that of the profiles."""

    def valgrind(script):
        path = tmp_path / "valgrind"
        head = '#!/bin/sh\nfor option in "$@"; do case $option in\n'
        head += '--callgrind-out-file=*) folder=${option#*=}; folder=${folder%/*} ;;\nesac; done\n'
        path.write_text(head + script)
        path.chmod(0o755)
        monkeypatch.setattr(callgrind, "VALGRIND", path)

    return valgrind


def count_rows(rows, report=print):
    return callgrind.count(rows, figures.FOLDER, 0, report)


def test_a_figure_is_per_operation(valgrind):
    valgrind(
        "echo sleep-0 7; echo sleepers 8\n"
        "for process in 7 8; do\n"
        f"printf '%s\\n' 'unread' >$folder/$process.1; echo '{PROFILE}' >$folder/$process.2\n"
        "done\n"
    )
    rows = [row for row in ROWS if row.name in ("sleep-0", "sleepers")]
    reported = []
    assert count_rows(rows, reported.append) == {"sleep-0": 2, "sleepers": 1}
    assert reported == ["sleep-0", "sleepers"]


def test_a_profile_that_lacks_a_mark_is_refused(valgrind):
    valgrind("echo sleep-0 7; touch $folder/7.1\n")
    with pytest.raises(callgrind.CountError, match=r"one for each call of getsid\(\), found 1"):
        count_rows(ROWS[:1])


def test_a_failure_says_what_the_program_said(valgrind):
    valgrind("echo 'no module named cafeloop' >&2; exit 3\n")
    with pytest.raises(callgrind.CountError, match="status 3:\nno module named cafeloop"):
        count_rows(ROWS[:1])


def test_a_hang_is_ended_with_what_it_began(valgrind, monkeypatch):
    monkeypatch.setattr(callgrind, "LIMIT_SECONDS", 0.05)
    # The shell's child holds the pipe open that is read from.
    valgrind("sleep 1000 & wait\n")
    with pytest.raises(callgrind.CountError, match="took more than 0.05 s"):
        count_rows(ROWS[:1])


def test_a_machine_without_valgrind_is_told_apart(valgrind):
    valgrind("exit 69\n")
    with pytest.raises(callgrind.UnavailableError):
        callgrind.require()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_comes_to_its_end_on_any_loop(row, run):
    run(lambda: row.body(TASKS))


def test_rows_have_names_of_their_own():
    assert len(set(NAMES)) == len(NAMES)


def work(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benches.counts.work", *arguments],
        cwd=callgrind.ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_each_row_runs_in_a_process_of_its_own():
    ran = work("5", "call-soon", "sleep-0")
    assert (ran.returncode, ran.stderr) == (0, "")
    (first, first_process), (second, second_process) = map(str.split, ran.stdout.splitlines())
    assert (first, second) == ("call-soon", "sleep-0")
    assert first_process != second_process


# --- the command


@pytest.fixture
def counting(tmp_path, monkeypatch):
    """Runs the command with figures given in advance, one dictionary for each layout."""
    path = tmp_path / "figures.toml"
    monkeypatch.setattr(figures, "stored_at", lambda: path)
    monkeypatch.setattr(callgrind, "require", lambda: None)
    # Tests run on a debug build.
    monkeypatch.setattr(cafeloop, "build_info", lambda: {"profile": "release", "rust": "1.0.0"})

    def counting(*layouts, arguments=(), file=None):
        if file is not None:
            figures.write(path, file)

        def count(rows, package, layout, report):
            given = layouts[callgrind.LAYOUTS.index(layout)]
            return {row.name: given.get(row.name, 1000) for row in rows}

        monkeypatch.setattr(callgrind, "count", count)
        monkeypatch.setattr(sys, "argv", ["counts", *arguments])
        return command.main()

    counting.path = path
    return counting


SAME = dict.fromkeys(NAMES, 1000)
GREW = {"queue": 1100}


def test_what_has_not_moved_passes(counting, capsys):
    assert counting(SAME, file=stored(**SAME)) == 0
    assert capsys.readouterr().out.endswith(f"{len(ROWS)} rows, none moved by more than 3 %\n")


def test_what_grew_in_every_layout_fails(counting, capsys):
    assert counting(GREW, GREW, GREW, file=stored(**SAME)) == 1
    assert "1 grew by more than 3 %" in capsys.readouterr().out


def test_what_grew_in_one_layout_only_passes(counting):
    assert counting(GREW, GREW, SAME, file=stored(**SAME)) == 0


def test_what_shrank_passes_and_asks_for_an_update(counting, capsys):
    small = {"queue": 900}
    assert counting(small, small, small, file=stored(**SAME)) == 0
    assert "1 shrank by more than 3 %; where that is meant: make bench-counts UPDATE" in (
        capsys.readouterr().out
    )


def test_a_python_without_figures_fails_and_says_so(counting, capsys):
    assert counting(SAME) == 1
    assert "there's no figures.toml to compare with" in capsys.readouterr().out


def test_rows_can_be_chosen_by_pattern(counting, capsys):
    assert counting(SAME, file=stored(**SAME), arguments=["call-soon*"]) == 0
    assert capsys.readouterr().out.endswith("2 rows, none moved by more than 3 %\n")


def test_an_update_stores_the_least_of_all_layouts_with_its_reason(counting):
    counting(GREW, {"queue": 1090}, GREW, file=stored(**SAME), arguments=["--update", "it's more"])
    rows = figures.read(counting.path).rows
    assert rows["queue"] == Figure(1090, "it's more")
    assert rows["lock"] == Figure(1000, "before")
    assert counting(GREW) == 0


def test_an_update_of_nothing_leaves_the_file_alone(counting, capsys):
    assert counting(SAME, SAME, SAME, file=stored(**SAME), arguments=["--update", "why"]) == 0
    assert capsys.readouterr().out.endswith("nothing to write: no row moved by more than 3 %\n")


@pytest.fixture
def other_build(monkeypatch):
    """Stored figures of another compiler, and the commit that stored them."""
    monkeypatch.setattr(base, "commit_of", lambda path: "0123456789abcdef")
    monkeypatch.setattr(base, "build", lambda root, commit: "the package of " + commit)
    return Figures({**this_build(), "rust": "0.9.0"}, {"queue": Figure(5, "before")})


def test_figures_of_another_build_are_counted_again_on_their_commit(counting, other_build, capsys):
    assert counting(SAME, SAME, SAME, file=other_build) == 0
    out = capsys.readouterr().out
    assert "rust: 0.9.0 there, 1.0.0 here" in out
    assert " 012345678 " in out


def test_growth_fails_with_another_build_too(counting, other_build, monkeypatch):
    figures.write(counting.path, other_build)

    def count(rows, package, layout, report):
        figure = 1000 if package == "the package of 0123456789abcdef" else 1100
        return {row.name: figure for row in rows}

    monkeypatch.setattr(callgrind, "count", count)
    monkeypatch.setattr(sys, "argv", ["counts"])
    assert command.main() == 1


@pytest.mark.parametrize(
    ("error", "code"), [(callgrind.UnavailableError, 69), (callgrind.CountError, 1)]
)
def test_what_can_not_be_had_has_a_code_of_its_own(counting, monkeypatch, error, code, capsys):
    def require():
        raise error("nothing counts here")

    monkeypatch.setattr(callgrind, "require", require)
    assert counting(SAME) == code
    assert capsys.readouterr().err == "bench-counts: nothing counts here\n"


def test_a_debug_build_is_not_counted(counting, monkeypatch, capsys):
    monkeypatch.setattr(cafeloop, "build_info", lambda: {"profile": "debug"})
    assert counting(SAME) == 1
    assert "built as debug, whose figures mean nothing: run `make release`" in (
        capsys.readouterr().err
    )


def test_a_broken_file_of_figures_is_a_line_of_complaint(counting, capsys):
    counting.path.write_text("[build")
    assert counting(SAME) == 1
    assert capsys.readouterr().err.startswith("bench-counts: can't read the stored figures in ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["queu"], "no row matches 'queu'; there are sleep-0, spawn-gather, "),
        (["--update", " "], "a reason is a line of text"),
        (["--update", "two\nlines"], "a reason is a line of text"),
        (["--update", "why", "queue"], "--update counts all rows: leave out queue"),
    ],
)
def test_a_mistake_on_the_command_line_says_what_there_is(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as left:
        command.parse(arguments)
    assert left.value.code == 2
    assert complaint in capsys.readouterr().err


# --- another commit


@pytest.fixture
def repository(tmp_path):
    """A repository whose file `3.11.toml` changed in the first of two commits."""
    if shutil.which("git") is None:
        pytest.skip("needs git")

    def git(*arguments):
        name = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *name, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    for file in ("3.11.toml", "other"):
        (tmp_path / file).write_text(file)
        git("add", file)
        git("commit", "--message", file)
    return tmp_path


def test_figures_are_of_the_commit_that_changed_them_last(repository):
    commit = base.commit_of(repository / "3.11.toml")
    tree = repository / "tree"
    base.unpack(repository, commit, tree)
    assert os.listdir(tree) == ["3.11.toml"]


def test_figures_that_are_not_committed_have_no_commit(repository):
    (repository / "3.12.toml").touch()
    with pytest.raises(base.BaseError, match=r"of which commit 3.12.toml is: it isn't committed"):
        base.commit_of(repository / "3.12.toml")


def test_a_folder_without_history_is_told_as_git_tells_it(tmp_path, monkeypatch):
    if shutil.which("git") is None:
        pytest.skip("needs git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(base.BaseError, match="not a git repository"):
        base.commit_of(tmp_path / "3.11.toml")
