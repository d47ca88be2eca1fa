"""The HTML picture, in a browser: it opens, zooms, searches, tells what is chosen, and keeps what
comes from a program as text.
"""

import pytest
from playwright.sync_api import expect

CAFE = """
import asyncio

async def make_coffee(coffee):
    await asyncio.sleep(0.3)

async def handle_customer(flavour, coffee):
    await make_coffee(coffee)

async def run_cafe():
    customers = [("Vanilla", "Latte"), ("Caramel", "Mocha")]
    await asyncio.gather(*[asyncio.create_task(handle_customer(*each)) for each in customers])

asyncio.run(run_cafe())
"""

VANILLA = "handle_customer('Vanilla', 'Latte')"
CARAMEL = "handle_customer('Caramel', 'Mocha')"


def labels(page):
    return page.locator(".label").all_inner_texts()


def details(page):
    """What is said of what is chosen."""
    names = page.locator("#details dt").all_inner_texts()
    return dict(zip(names, page.locator("#details dd").all_inner_texts(), strict=True))


def shown(page):
    """The part of time that is seen, in nanoseconds."""
    return page.evaluate("[page.timeline.from, page.timeline.to]")


def press(page, *keys):
    page.locator("#lanes").focus()
    for key in keys:
        page.keyboard.press(key)


def test_it_opens_with_a_lane_for_each_task_and_what_the_run_took(opened):
    page = opened(CAFE)
    assert VANILLA in labels(page)
    assert CARAMEL in labels(page)
    totals = page.locator("#totals dt").all_inner_texts()
    assert {"Wall", "Waiting", "Overlap", "Tasks"} <= set(totals)
    assert "make_coffee" in page.locator("#lines").inner_text()


def test_a_lane_that_is_clicked_tells_what_it_did(opened):
    page = opened(CAFE)
    page.locator(".label", has_text=VANILLA).click()
    said = details(page)
    assert said["Lane"] == VANILLA
    assert "waiting" in said["In all"]
    assert "run_cafe" in said["Made by"]


def test_a_bar_that_is_clicked_tells_what_was_awaited_and_who_ended_it(opened):
    page = opened(CAFE)
    row = labels(page).index(VANILLA)
    box = page.locator("#lanes").bounding_box()
    # It is long enough to wait there on a busy machine too.
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + 24 * row + 12)
    said = details(page)
    assert said["Lane"] == VANILLA
    assert said["Here"].startswith("waiting for ")
    frames = page.locator("#details li").all_inner_texts()
    assert [frame.split(" ")[0] for frame in frames] == ["handle_customer", "make_coffee", "sleep"]
    assert "program.py:5" in frames[1]
    assert said["Woken by"] == "a timer"


def test_the_keys_walk_through_lanes_and_what_they_did(opened):
    page = opened(CAFE)
    all_labels = labels(page)
    press(page, "ArrowDown")
    assert details(page)["Lane"] == all_labels[0]
    press(page, "ArrowDown", "ArrowDown", "ArrowUp")
    assert details(page)["Lane"] == all_labels[1]
    selected = page.locator('.label[aria-selected="true"]')
    # It is drawn with the next frame.
    expect(selected).to_have_text([all_labels[1]])
    assert page.locator("#lanes").get_attribute("aria-activedescendant") == selected.get_attribute(
        "id"
    )
    seen = []
    press(page, "Home")
    while not seen or seen[-1] != details(page).get("Here"):
        seen.append(details(page).get("Here"))
        press(page, "ArrowRight")
    assert any("waiting" in here for here in seen if here)
    assert any("running" in here for here in seen if here)


def test_who_woke_a_task_is_gone_to(opened):
    page = opened(CAFE)
    page.locator(".label", has_text="run_cafe").click()
    # Its wait for both customers, ended by the last of them.
    press(page, "ArrowRight", "ArrowRight", "ArrowRight", "w")
    assert details(page)["Lane"] in (VANILLA, CARAMEL)


def test_it_zooms_moves_and_shows_all_again(opened):
    page = opened(CAFE)
    begin, end = shown(page)
    press(page, "+", "+")
    near_begin, near_end = shown(page)
    assert near_end - near_begin == pytest.approx((end - begin) / 4)
    press(page, "a")
    assert shown(page)[0] < near_begin
    press(page, "-", "-", "-", "-")
    assert shown(page) == [begin, end]
    press(page, "+", "0")
    assert shown(page) == [begin, end]
    page.locator("#zoom-in").click()
    assert shown(page)[1] - shown(page)[0] == pytest.approx((end - begin) / 2)
    page.locator("#zoom-all").click()
    assert shown(page) == [begin, end]


def test_dragging_with_shift_zooms_into_what_was_dragged_over(opened):
    page = opened(CAFE)
    begin, end = shown(page)
    box = page.locator("#lanes").bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 10, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert begin < shown(page)[0] < shown(page)[1] < end


def test_it_never_shows_less_than_nothing_or_more_than_all(opened):
    page = opened(CAFE)
    begin, end = shown(page)
    press(page, *["+"] * 60)
    assert shown(page)[0] < shown(page)[1]
    press(page, *["-"] * 80)
    assert shown(page) == [begin, end]


def test_searching_keeps_the_lanes_that_hold_the_words(opened):
    page = opened(CAFE)
    everything = labels(page)
    press(page, "/")
    page.keyboard.type("caramel")
    expect(page.locator(".label")).to_have_count(1)
    assert labels(page) == [CARAMEL]
    assert page.locator("#matches").inner_text().startswith("1 of ")
    # What is awaited is found, too.
    page.locator("#search").fill("make_coffee")
    expect(page.locator(".label")).to_have_count(2)
    page.locator("#search").fill("no such thing")
    expect(page.locator(".label")).to_have_count(0)
    page.locator("#search").fill("")
    expect(page.locator(".label")).to_have_count(len(everything))


HOSTILE = """
import asyncio

async def main():
    name = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
    await asyncio.create_task(asyncio.sleep(0.01), name=name)
    await asyncio.create_task(asyncio.sleep(0.01), name="{{run}} $& \\u202e &lt;b&gt;")

asyncio.run(main())
"""


def test_names_that_are_markup_stay_text(opened):
    page = opened(HOSTILE)
    text = " ".join(labels(page))
    assert "<script>window.hacked = 1</script>" in text
    assert "{{run}} $& " in text
    for label in page.locator(".label").all():
        label.click()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0


SEQUENTIAL = """
import time

def make_coffee():
    time.sleep(0.1)

for _ in range(3):
    make_coffee()
"""


def test_findings_stand_on_the_page_with_what_to_do(opened):
    page = opened(SEQUENTIAL)
    finding = page.locator(".finding").inner_text()
    assert "sequential-waits" in finding
    assert "make_coffee" in finding
    assert page.locator(".finding .todo").count() == 1


BLOCKED = """
import asyncio, time

async def grind():
    await asyncio.sleep(0)
    time.sleep(0.1)

async def wait():
    for _ in range(5):
        await asyncio.sleep(0)

async def main():
    await asyncio.gather(wait(), grind())

asyncio.run(main())
"""


def test_a_finding_shows_who_held_the_loop_and_when(opened):
    page = opened(BLOCKED)
    page.locator(".finding", has_text="blocked-loop").get_by_role("button").click()
    assert details(page)["Lane"] == "grind"
    assert details(page)["Here"].startswith("running for ")
    begin, end = shown(page)
    # All of that time is seen, and not much more.
    chosen = "page.timeline.chosen"
    span = page.evaluate(f"[0, 1].map((i) => {chosen}.lane.starts[{chosen}.span + i])")
    assert begin <= span[0] < span[1] <= end
    assert end - begin < 3 * (span[1] - span[0])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_are_drawn(opened, scheme):
    page = opened(CAFE, color_scheme=scheme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in background[4:-1].split(","))
    assert (brightness > 3 * 128) == (scheme == "light")
    # Of the four states, no two look the same, and none like the panel behind.
    colours = page.evaluate("[...page.timeline.colours].slice(0, 4)")
    assert len(set(colours)) == 4


def test_a_reader_of_the_page_finds_lanes_in_a_list(opened):
    page = opened(CAFE)
    options = page.get_by_role("listbox").get_by_role("option")
    assert options.count() == len(labels(page))
    assert options.first.get_attribute("aria-setsize") == str(options.count())
    assert page.locator("#chosen").get_attribute("aria-live") == "polite"


MANY = """
import asyncio

async def worker():
    for _ in range(1_000):
        await asyncio.sleep(0)

async def main():
    await asyncio.gather(*[worker() for _ in range(340)])

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_million_events_are_shown(opened):
    page = opened(MANY)
    events = page.evaluate("page.run.lanes.reduce((sum, lane) => sum + lane.count, 0)")
    assert events > 500_000
    # Lanes out of sight are no elements.
    assert page.locator(".label").count() < 60
    press(page, "End")
    assert "worker" in details(page)["Lane"]
    press(page, "ArrowRight", "f", "+", "+", "d", "0")
    page.evaluate("page.timeline.paint()")
