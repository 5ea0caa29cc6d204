"""The README and the docs, as pages of blocks that tests run.

An HTML comment on the line above a block says how it runs:

    <!-- not run: REASON -->     it is not run, for a reason that a reader accepts
    <!-- needs: wrangler -->     it is run where this program of npm is installed
    <!-- exits with: 1 -->       its last command fails on purpose

`<!-- setup: COMMAND -->` on a line of its own is run where it stands. A block titled "Answer" or "Output" is
what the block before it gives, in which "..." stands for any text; "Variables" belong to the query before it;
a title that names a file makes the file.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

DOCS = ROOT / "docs"
AT_THE_ROOT = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")
FENCE = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!-- (not run|needs|exits with|setup): (.*) -->", re.DOTALL)
TITLE = re.compile(r'title="(.*?)"')
ANSWERS, VARIABLES = ("Answer", "Output"), "Variables"


@dataclass(frozen=True)
class Block:
    """A fenced block, or a `setup` comment as a block of that language."""

    page: str
    line: int
    language: str
    title: str
    text: str
    note: str = ""
    value: str = ""

    @property
    def place(self) -> str:
        """Where a failure points to."""
        return f"{self.page}:{self.line}"

    @property
    def json(self) -> Any:
        """Its JSON."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text()

    @cached_property
    def prose(self) -> str:
        """What is in no block."""
        return FENCE.sub("", self.text)

    @cached_property
    def blocks(self) -> list[Block]:
        """Its blocks, with its setup comments, in their order."""
        found = [(match.start(), self._block(match)) for match in FENCE.finditer(self.text)]
        setups = re.finditer(r"^<!-- setup: (.*?) -->$", self.text, re.MULTILINE | re.DOTALL)
        found += [
            (match.start(), Block(self.name, self._line(match), "setup", "", match[1]))
            for match in setups
        ]
        return [block for _, block in sorted(found, key=lambda each: each[0])]

    @cached_property
    def headings(self) -> list[str]:
        """The texts of its headings, which are where links lead."""
        return re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)

    def section(self, heading: str) -> str:
        """What stands under a heading, up to the next of its level or a higher one."""
        start = re.search(rf"^(#+) {re.escape(heading)}$", self.text, re.MULTILINE)
        assert start, f"{self.name} has no heading {heading}"
        rest = self.text[start.end() :]
        return re.split(rf"^#{{1,{len(start[1])}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]

    def _line(self, match: re.Match[str]) -> int:
        return self.text.count("\n", 0, match.start()) + 1

    def _block(self, match: re.Match[str]) -> Block:
        indent, language, info, text = match.groups()
        title = TITLE.search(info)
        before = self.text[: match.start()].rstrip()
        above = COMMENT.fullmatch(before, max(before.rfind("<!-- "), 0))
        note, value = above.groups() if above else ("", "")
        if note == "setup":
            note = value = ""
        text = re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) if indent else text
        return Block(
            self.name, self._line(match), language, title[1] if title else "", text, note, value
        )


def pages() -> list[Page]:
    """Every page that readers meet."""
    found = [ROOT / name for name in AT_THE_ROOT if (ROOT / name).exists()]
    found += sorted(DOCS.rglob("*.md"))
    return [Page(path) for path in found]


def page(name: str) -> Page:
    """One page, by its path in the repository."""
    return Page(ROOT / name)


def blocks() -> Iterator[Block]:
    """The blocks of all pages."""
    for each in pages():
        yield from each.blocks


def rows(table: str) -> list[list[str]]:
    """The cells of a Markdown table's rows, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])] for line in lines
    ]
    return [row for row in cells if not re.fullmatch(r"[-: ]*", "".join(row))][1:]


def is_like(expected: Any, actual: Any) -> bool:
    """Whether JSON is as the page shows it, where "..." stands for any text."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            is_like(value, actual[name]) for name, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(is_like, expected, actual))
    if isinstance(expected, str) and isinstance(actual, str):
        return is_text_like(expected, actual)
    return type(expected) is type(actual) and bool(expected == actual)


def is_text_like(expected: str, actual: str) -> bool:
    """Whether text is as the page shows it, where "..." stands for any text."""
    pattern = ".*".join(map(re.escape, expected.strip().split("...")))
    return re.fullmatch(pattern, actual.strip(), re.DOTALL) is not None
