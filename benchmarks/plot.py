"""The plot for docs/benchmarks.md: how many times as fast as each rival, workload by workload, as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from benchmarks.contenders import BY_NAME, OURS, RIVALS
from benchmarks.summary import Row
from benchmarks.workloads import BY_NAME as WORKLOADS

WIDTH, LABELS, FIGURES = 760, 300, 70
TOP, BAR, STEP, GAP, FOOT = 34, 16, 22, 34, 30

# Both schemes in one file: an image cannot see the page that it is on, but it can see the reader's choice.
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .heading { font-weight: 600 }
    .quiet { fill: #59636e; font-size: 12px }
    .bar { fill: #0969da }
    .wanted { stroke: #bc4c00; stroke-width: 2 }
    @media (prefers-color-scheme: dark) {
        text { fill: #f0f6fc }
        .quiet { fill: #9198a1 }
        .bar { fill: #4493f8 }
        .wanted { stroke: #f0883e }
    }
"""


def svg(rows: Sequence[Row], facts: Mapping[str, Any]) -> str:
    """A panel of bars for each rival; a mark on each bar shows the target."""
    parts: list[str] = []
    y = 0
    for rival in RIVALS:
        shown = [row for row in rows if _is_shown(row, rival)]
        if shown:
            parts.extend(_panel(rival, shown, y))
            y += TOP + STEP * len(shown) + GAP - STEP // 2
    height = y + FOOT
    said = f"The mark is what is wanted. {facts['date']}, {facts['machine']}."
    foot = _text(0, height - 8, said, "quiet")
    about = "How many times as fast as others this server is"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 0 {WIDTH + 4} {height}" role="img"'
        f' aria-label="{about}">\n<style>{STYLE}</style>\n'
        + "\n".join([*parts, foot])
        + "\n</svg>\n"
    )


def _is_shown(row: Row, rival: str) -> bool:
    return (
        row.server == OURS
        and rival in row.times
        and rival in WORKLOADS[row.workload].target.times
        and row.clients == WORKLOADS[row.workload].target.clients
    )


def _panel(rival: str, rows: Sequence[Row], y: int) -> Iterator[str]:
    wanted = {row.workload: WORKLOADS[row.workload].target.times[rival] for row in rows}
    most = max([*wanted.values(), *(row.times[rival] for row in rows)])
    scale = (WIDTH - LABELS - FIGURES) / most
    title = f"Times as many requests per second as {BY_NAME[rival].title}"
    yield _text(0, y + 20, title, "heading")
    for place, row in enumerate(rows):
        top = y + TOP + place * STEP
        workload = WORKLOADS[row.workload]
        clients = f", {row.clients} clients" if row.clients > 1 else ""
        times, mark = row.times[rival], LABELS + wanted[row.workload] * scale
        yield _text(0, top + 13, f"{row.workload} {workload.title}{clients}", "label")
        yield (
            f'<rect class="bar" x="{LABELS}" y="{top}" width="{times * scale:.1f}" height="{BAR}"/>'
        )
        yield (
            f'<line class="wanted" x1="{mark:.1f}" x2="{mark:.1f}" y1="{top - 2}"'
            f' y2="{top + BAR + 2}"/>'
        )
        end = LABELS + times * scale
        if 0 < mark - end < FIGURES:  # the figure would lie on the mark
            end = mark
        yield _text(end + 6, top + 13, f"{times:.1f}x", "figure")


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(text)}</text>'
