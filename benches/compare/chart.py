"""Pictures of a family's rows: a small panel of bars for each, as SVG written by hand.

Each panel has its own scale from zero, so that lengths within it can be compared.  The picture is
light or dark as the reader's system is, and needs neither script nor font.
"""

from collections.abc import Iterator, Sequence
from html import escape

from .amounts import typeset
from .figures import NOT_INSTALLED, NOT_MEASURED, Figure, Result, Word, subject
from .loops import ASYNCIO, CAFELOOP, LIMIT

# All in pixels, at the size in which the picture is made.
COLUMNS = 3
PANEL_WIDTH = 256
PANEL_GAP = 22
MARGIN = 14
HEAD_HEIGHT = 34
TITLE_HEIGHT = 22
BAR_HEIGHT = 11
BAR_STEP = 16
NAME_WIDTH = 62
AMOUNT_WIDTH = 58
EARLY_WIDTH = 54
PANEL_BOTTOM = 14
# A bar that's too short to see still says that there is one.
SHORTEST_BAR = 1.0

STYLE = """\
svg { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
.ground { fill: #ffffff; }
.head { font-size: 13px; font-weight: 600; }
.title { font-weight: 600; }
text { fill: #24292f; }
.word { fill: #6e4b00; font-style: italic; }
.subject { fill: #57606a; font-size: 11px; font-weight: 400; }
.peer { fill: #9db4cc; }
.asyncio { fill: #c6cbd1; }
.limit { fill: none; stroke: #57606a; stroke-dasharray: 3 2; }
.ours { fill: #b35900; }
.ours-name { font-weight: 600; }
.range { stroke: #24292f; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117; }
  text { fill: #e6edf3; }
  .word { fill: #e3b341; }
  .subject { fill: #9198a1; }
  .peer { fill: #4d6a88; }
  .asyncio { fill: #484f58; }
  .limit { stroke: #9198a1; }
  .ours { fill: #f0883e; }
  .range { stroke: #e6edf3; }
}
"""


def chart(heading: str, results: Sequence[Result]) -> str:
    """An SVG of one family, whose first line is the heading."""
    shown = [(result, _bars(result)) for result in results]
    lines: list[str] = []
    top = HEAD_HEIGHT + MARGIN
    for start in range(0, len(shown), COLUMNS):
        in_line = shown[start : start + COLUMNS]
        for place, (result, bars) in enumerate(in_line):
            left = MARGIN + place * (PANEL_WIDTH + PANEL_GAP)
            lines += _panel(result, bars, left, top)
        top += TITLE_HEIGHT + BAR_STEP * max(len(bars) for _, bars in in_line) + PANEL_BOTTOM
    columns = min(COLUMNS, len(shown))
    width = 2 * MARGIN + columns * PANEL_WIDTH + (columns - 1) * PANEL_GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" '
            f'width="{width}" height="{top}" role="img" aria-label="{escape(heading)}">',
            f"<style>\n{STYLE}</style>",
            f'<rect class="ground" width="{width}" height="{top}"/>',
            f'<text class="head" x="{MARGIN}" y="24">{escape(heading)}',
            f'<tspan class="subject" dx="8">{escape(subject(results))}; less is better</tspan>',
            "</text>",
            *lines,
            "</svg>\n",
        ]
    )


def _bars(result: Result) -> list[tuple[str, Figure | Word]]:
    """What has a bar or a word; a loop that isn't installed is spoken of once, on the page."""
    return [
        (name, cell)
        for name, cell in result.cells.items()
        if not (isinstance(cell, Word) and cell.text in (NOT_INSTALLED, NOT_MEASURED))
    ]


def _panel(
    result: Result, bars: Sequence[tuple[str, Figure | Word]], left: float, top: float
) -> Iterator[str]:
    yield f'<g transform="translate({left} {top})">'
    yield f'<text class="title" y="10">{escape(result.row.title)}</text>'
    greatest = max((cell.greatest for _, cell in bars if isinstance(cell, Figure)), default=1.0)
    are_early = any(_is_early(cell) for _, cell in bars)
    room = PANEL_WIDTH - NAME_WIDTH - AMOUNT_WIDTH - are_early * EARLY_WIDTH
    for number, (name, cell) in enumerate(bars):
        y = TITLE_HEIGHT + number * BAR_STEP
        middle = y + BAR_HEIGHT / 2
        own = ' class="ours-name"' if name == CAFELOOP.name else ""
        yield f'<text{own} x="0" y="{middle + 4:g}">{escape(name)}</text>'
        if isinstance(cell, Word):
            text = escape(cell.text)
            yield f'<text class="word" x="{NAME_WIDTH}" y="{middle + 4:g}">{text}</text>'
            continue
        scale = room / greatest
        length = max(SHORTEST_BAR, cell.median * scale)
        yield (
            f'<rect class="{_kind(name)}" x="{NAME_WIDTH}" y="{y}" '
            f'width="{length:.1f}" height="{BAR_HEIGHT}"/>'
        )
        least, most = (NAME_WIDTH + value * scale for value in (cell.least, cell.greatest))
        yield f'<path class="range" d="M{least:.1f} {middle:g}H{most:.1f}"/>'
        end = NAME_WIDTH + max(length, cell.greatest * scale) + 4
        text = typeset(cell.median, result.row.unit) + (" too early" if _is_early(cell) else "")
        yield f'<text x="{end:.1f}" y="{middle + 4:g}">{escape(text)}</text>'
    yield "</g>"


def _is_early(cell: Figure | Word) -> bool:
    """Whether it's the rule that it ends too early, which no distance says."""
    return isinstance(cell, Figure) and cell.early_share is not None and cell.early_share > 0.5


def _kind(name: str) -> str:
    return {CAFELOOP.name: "ours", ASYNCIO.name: "asyncio", LIMIT: "limit"}.get(name, "peer")
