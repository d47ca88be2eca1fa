"""docs/performance.md: what stands in records, and nothing else."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from benches.compare.bad_input import BadInput
from benches.compare.outcome import Outcome
from benches.compare.page import write_page
from benches.compare.record import Record
from tests.benches.findings import failed, row_record, took

ROOT = Path(__file__).resolve().parent.parent.parent
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def page(tmp_path):
    """Writes the page of records; returns its text."""

    def page(*records):
        write_page([(tmp_path / "data" / "run.json", record) for record in records], tmp_path)
        return (tmp_path / "performance.md").read_text()

    page.pictures = tmp_path / "performance"
    return page


@pytest.fixture
def record(make_record):
    return make_record(
        took("asyncio", 60_000),
        took("uvloop", 10_000),
        took("cafeloop", 20_000),
        failed("uvloop", Outcome.HUNG, "no end after 20 s", row="timer"),
        failed("cafeloop", Outcome.UNSUPPORTED, row="timer"),
        rows=[row_record("task"), row_record("timer", family="Timers & others")],
    )


def in_one_line(text):
    return " ".join(text.split())


def test_its_figures_are_the_records(page, record):
    assert "| title of task | 6.00 µs (0%) | 1.00 µs (0%) | 2.00 µs (0%) |" in page(record)
    record.measurements[1].figures["cpu_ns"] = 50_000
    assert "| title of task | 6.00 µs (0%) | 5.00 µs (0%) | 2.00 µs (0%) |" in page(record)


def test_losses_stand_first(page, record):
    text = page(record)
    loss = "| Tasks: title of task | uvloop | 1.00 µs | 2.00 µs | 0.50 |"
    assert text.index(loss) < text.index("### Tasks")
    assert "takes more than cafeloop in 0, less in 1" in in_one_line(text)
    record.measurements[1].figures["cpu_ns"] = 50_000
    assert "Where another is better" not in page(record)


def test_failures_have_their_words(page, record):
    text = page(record)
    assert "| title of timer |  | *hangs* | *not yet* |" in text
    without = "Without a figure for cafeloop are 1 (Timers & others: title of timer)."
    assert without in in_one_line(text)


def test_it_says_on_what_and_how_it_was_measured(page, record):
    text = in_one_line(page(record))
    for part in (
        *("A Processor", "2 cores", "Linux 6.1", "load 0.1 before, 0.4 after"),
        *("CPython 3.13.0", "uvloop 0.23.0", "uvicorn 1.2.3", "seed 7"),
        "`python -m benches.compare`",
        *("rsloop doesn't install on 3.13: no wheel", "[run.json](data/run.json)"),
    ):
        assert part in text
    assert "interrupted" not in text
    record.is_complete = False
    assert "interrupted" in page(record)


def test_each_family_has_a_picture(page, record):
    text = page(record)
    pictures = sorted(path.name for path in page.pictures.iterdir())
    assert pictures == ["3.13-tasks.svg", "3.13-timers-others.svg"]
    assert all(f"(performance/{name})" in text for name in pictures)


def test_a_picture_has_a_bar_for_each_figure_and_a_word_for_each_failure(page, record):
    page(record)
    tasks, timers = (
        ElementTree.parse(page.pictures / f"3.13-{name}.svg").getroot()
        for name in ("tasks", "timers-others")
    )
    widths = {bar.get("class"): float(bar.get("width")) for bar in tasks.iter(f"{SVG}rect")}
    assert widths["asyncio"] == pytest.approx(3 * widths["ours"], rel=0.01)
    assert widths["ours"] == pytest.approx(2 * widths["peer"], rel=0.01)
    words = [text.text for text in timers.iter(f"{SVG}text") if text.get("class") == "word"]
    assert words == ["hangs", "not yet"]


def test_a_picture_says_what_is_too_early(page, make_record):
    figures = {"waits": 10, "early": 10, "median_ns": 50, "median_off_ns": 150, "p99_ns": 60}
    early = replace(took("uvloop", 0), figures=figures)
    late = replace(took("cafeloop", 0), figures={**figures, "early": 5})
    page(make_record(early, late, rows=[row_record(kind="distribution", per="wait")]))
    picture = ElementTree.parse(page.pictures / "3.13-tasks.svg").getroot()
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert texts.count("150 ns too early") == 1
    assert texts.count("150 ns") == 1


def test_a_picture_stays_within_its_borders(page, record):
    record.rows.extend(row_record(f"task {number}") for number in range(7))
    record.measurements.extend(took("epoll", 90_000, row=f"task {number}") for number in range(7))
    page(record)
    for path in page.pictures.iterdir():
        picture = ElementTree.parse(path).getroot()
        width, height = float(picture.get("width")), float(picture.get("height"))
        for group in picture.iter(f"{SVG}g"):
            left, top = map(float, group.get("transform")[len("translate(") : -1].split())
            for bar in group.iter(f"{SVG}rect"):
                assert left + float(bar.get("x")) + float(bar.get("width")) <= width
                assert top + float(bar.get("y")) + float(bar.get("height")) <= height


def test_it_is_light_or_dark_as_the_reader_is(page, record):
    page(record)
    text = (page.pictures / "3.13-tasks.svg").read_text()
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    for kind in ("ground", "peer", "asyncio", "limit", "ours", "word", "subject"):
        assert f".{kind} {{" in light
        assert f".{kind} {{" in dark


def test_pictures_of_earlier_runs_are_removed(page, record):
    page(record)
    (page.pictures / "3.10-gone.svg").write_text("")
    page(record)
    assert not (page.pictures / "3.10-gone.svg").exists()


def test_two_records_of_one_python_are_refused(page, record):
    with pytest.raises(BadInput, match=r"are both of Python 3\.13"):
        page(record, record)


def test_records_of_two_pythons_have_sections(page, make_record):
    first, second = (make_record(took("asyncio", 60), python=name) for name in ("3.13.0", "3.14.1"))
    text = page(first, second)
    assert text.index("## Python 3.13") < text.index("## Python 3.14")


def test_the_page_in_the_repository_is_that_of_its_records(tmp_path):
    # In a tree of the same shape, so that links are the same.
    (tmp_path / "benches").symlink_to(ROOT / "benches")
    docs = tmp_path / "docs"
    files = sorted((tmp_path / "benches" / "data").glob("*.json"))
    written = write_page([(path, Record.read(path)) for path in files], docs)
    for path in written:
        assert path.read_text() == (ROOT / "docs" / path.relative_to(docs)).read_text()
