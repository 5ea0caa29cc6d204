"""The execution of a query as a graph in DOT, the language of Graphviz."""

import json
import re
from collections.abc import Iterator

from server.cli.output.explanation import ExplainedStatement, Explanation

# What a string of DOT cannot have as it is: Graphviz reads escapes and HTML entities in it, and SVG has no
# control characters.
ESCAPED = str.maketrans(
    {"\\": r"\\", '"': r"\"", "&": "&amp;", "\n": r"\l", "\r": " ", "\t": " "}
    | {chr(code): "\ufffd" for code in range(32) if chr(code) not in "\n\r\t"}
)
JSON_ESCAPE = re.compile(r'\\["\\/bfnrt]')
READ_FROM = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)\b(?!\s*\()")
HEAD = """\
digraph plan {
  rankdir=LR
  ranksep=0.4
  nodesep=0.15
  fontname="sans-serif"
  node [shape=box, style="rounded,filled", fillcolor="#f4f6f8", color="#8a96a3"]
  node [fontname="sans-serif", fontsize=11]
  edge [color="#8a96a3", arrowsize=0.6]"""
FAULTY = 'fillcolor="#fbe0e0", color="#b3261e"'
SORTING = 'fillcolor="#fdeccd", color="#a86500"'
UNINDEXED = 'style="rounded,filled,dashed"'


def dot(explained: Explanation) -> str:
    """A graph of the operation, its batches in their order, their statements and the steps of their plans."""
    return "\n".join([HEAD, *_operation(explained), *_batches(explained), "}"])


def quoted(text: str) -> str:
    """The text as a string of DOT that is shown as it is; its lines are aligned to the left."""
    last = r"\l" if "\n" in text else ""
    return f'"{text.translate(ESCAPED)}{last}"'


def _operation(explained: Explanation) -> Iterator[str]:
    count = len(explained.statements)
    title = f"query {explained.name}" if explained.name else "query"
    counted = f"{count} statement{'' if count == 1 else 's'}"
    label = quoted(f"{title}\nexecution: {explained.execution}\n{counted}")
    yield f'  operation [label={label}, fillcolor="#dcefee", color="#00796b"]'
    for number, error in enumerate(explained.errors, 1):
        yield f"  error{number} [label={quoted(f'error: {error}')}, {FAULTY}]"
        yield f"  operation -> error{number} [style=dotted]"


def _batches(explained: Explanation) -> Iterator[str]:
    """Each batch as a cluster, after those whose rows it may depend on."""
    before = "operation"
    numbered = list(enumerate(explained.statements, 1))
    for batch in dict.fromkeys(statement.batch for _, statement in numbered):
        inside = [(number, each) for number, each in numbered if each.batch == batch]
        yield f"  subgraph cluster_batch{batch} {{"
        yield f'    label="batch {batch}"; style="rounded"; color="#c4ccd4"; fontsize=11'
        for number, statement in inside:
            yield from _statement(number, statement)
        yield "  }"
        # One edge between two batches: lines between all of their statements would say no more.
        first = f"statement{inside[0][0]}"
        yield f"  {before} -> {first}"
        before = first


def _statement(number: int, statement: ExplainedStatement) -> Iterator[str]:
    tables = ", ".join(dict.fromkeys(READ_FROM.findall(statement.sql)))
    rows = f"{statement.rows:,} row{'' if statement.rows == 1 else 's'}"
    label = quoted(f"{number}. {tables}\n{rows}")
    tooltip = quoted(f"{statement.sql}\nwith {_safe(statement.bind)}")
    yield f"    statement{number} [label={label}, tooltip={tooltip}, penwidth=2]"
    parents = [f"statement{number}"]  # the last step at each depth
    for place, step in enumerate(statement.steps, 1):
        detail = step.lstrip(" ")
        depth = (len(step) - len(detail)) // 2
        name = f"step{number}_{place}"
        yield f"    {name} [label={quoted(detail)}{_look(detail)}]"
        yield f"    {parents[depth]} -> {name} [arrowhead=none]"
        parents[depth + 1 :] = [name]


def _safe(bind: str) -> str:
    r"""The JSON with escapes as \u and four digits: in tooltips, Graphviz takes `\\N` for the node's name."""

    def numbered(found: re.Match[str]) -> str:
        code = ord(json.loads(f'"{found[0]}"'))
        return f"\\u{code:04x}"

    return JSON_ESCAPE.sub(numbered, bind)


def _look(step: str) -> str:
    """How a step is drawn: what sorts and what scans without an index differs."""
    if "TEMP B-TREE" in step:
        return f", {SORTING}"
    if step.startswith("SCAN") and "INDEX" not in step:
        return f", {UNINDEXED}"
    return ""
