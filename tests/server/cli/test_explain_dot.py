"""`chittygraph explain --dot`: the execution of a query as a graph, which Graphviz draws."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from server.cli import main
from server.cli.output.explanation import ExplainedStatement, Explanation
from server.cli.output.plan_graph import dot
from tests.support.registries.databases import demo_registry

QUERY = """
    query Owners($name: String!) {
      contexts(first: 3, filter: { name: { not: $name } }, orderBy: [{ field: UPDATED_AT }]) {
        totalCount
        nodes { name owner { displayName connections { nodes { targetService } } } }
      }
    }
"""
SVG_TEXT = "{http://www.w3.org/2000/svg}text"
TOOLTIP = "{http://www.w3.org/1999/xlink}title"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return demo_registry(tmp_path / "registry.db")


@pytest.fixture
def explain(tmp_path, path, capsys):
    """Explain a document; returns the exit code, output and complaint."""

    def run(document: str, *flags: str) -> tuple[Any, str, str]:
        file = tmp_path / "asked.graphql"
        file.write_text(document, encoding="utf-8")
        code = main(["explain", str(file), "--database", str(path), *flags])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def drawn(graph: str, form: str) -> str:
    """What Graphviz makes of a graph, which it must take without a warning."""
    if shutil.which("dot") is None:
        pytest.skip("no dot")
    done = subprocess.run(
        ["dot", f"-T{form}"], input=graph, capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def objects(graph: str) -> list[dict[str, Any]]:
    """The nodes and clusters of a graph, as Graphviz reads them."""
    found: list[dict[str, Any]] = json.loads(drawn(graph, "dot_json"))["objects"]
    return found


def texts(graph: str) -> list[str]:
    """The lines of text that the picture of a graph shows, from first to last."""
    picture = ElementTree.fromstring(drawn(graph, "svg"))
    return [(each.text or "").replace("\u00a0", " ") for each in picture.iter(SVG_TEXT)]


def with_sql(sql: str) -> Explanation:
    return Explanation("Any", None, [], [ExplainedStatement(1, 1, sql, "{}", [sql])])


def test_the_graph_has_each_statement_of_the_report_in_its_batch_and_each_step_of_its_plan(explain):
    variables = ("--variables", '{"name": "atlas-api"}')
    _, report, _ = explain(QUERY, *variables)

    code, graph, err = explain(QUERY, *variables, "--dot")

    assert (code, err) == (0, "")
    found = objects(graph)
    labels = [each.get("label", "") for each in found]
    steps = [line.strip() for line in report.splitlines() if line.startswith("     ")]
    assert report.count(". batch: ") == sum(each["name"].startswith("statement") for each in found)
    batches = [
        int(line.split()[2].strip(",")) for line in report.splitlines() if ". batch: " in line
    ]
    assert max(batches) == sum(each["name"].startswith("cluster") for each in found) == 3
    drawn_steps = [each["label"] for each in found if each["name"].startswith("step")]
    assert sorted(drawn_steps) == sorted(steps)
    assert r"query Owners\lexecution: compiled\l4 statements\l" in labels
    assert r"3. actors\l1 row\l" in labels


def test_a_statement_has_its_sql_and_its_values_as_a_tooltip(explain):
    odd = 'a "b" \\N \\\\G & <c>\n\t/'
    variables = ("--variables", json.dumps({"name": odd}))
    _, report, _ = explain(QUERY, *variables)

    _, graph, _ = explain(QUERY, *variables, "--dot")

    picture = ElementTree.fromstring(drawn(graph, "svg"))
    tooltips = {each.get(TOOLTIP, "") for each in picture.iter()}
    shown = dict(each.rstrip().split("\nwith ") for each in tooltips if "\nwith " in each)
    assert set(shown) == {line for line in report.splitlines() if line.startswith("SELECT")}
    assert odd in [value for bind in shown.values() for value in json.loads(bind).values()]


def test_steps_that_sort_and_scans_without_an_index_are_drawn_otherwise(explain):
    sorting = """{
      contexts(first: 2) {
        nodes { connections(first: 3, orderBy: [{ field: ERROR_COUNT }]) { nodes { id } } }
      }
    }"""

    _, graph, _ = explain(sorting, "--dot")

    looks = {each["label"]: each for each in objects(graph) if each["name"].startswith("step")}
    assert looks["USE TEMP B-TREE FOR ORDER BY"]["fillcolor"] == "#fdeccd"
    assert "dashed" in looks["SCAN row"]["style"]
    assert "dashed" not in looks["SCAN x USING INDEX contexts_by_created_at"].get("style", "")


def test_generic_execution_says_why_and_may_have_no_statement(explain):
    code, graph, _ = explain("{ __schema { queryType { name } } }", "--dot")

    assert code == 0
    assert [each["label"] for each in objects(graph)] == [
        r"query\lexecution: generic (introspection)\l0 statements\l"
    ]


def test_errors_are_drawn_beside_the_operation(explain, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE actors SET email = x'ff'")

    code, graph, _ = explain("{ actors(first: 1) { nodes { email } } }", "--dot")

    assert code == 0
    [error] = [line for line in texts(graph) if line.startswith("error: ")]
    assert error.endswith("email: the stored value is not a text")


def test_a_document_that_is_refused_prints_no_graph(explain):
    code, out, err = explain("{ actors { nodes { nmae } } }", "--dot")

    assert (code, out) == (1, "")
    assert "nmae" in err


ODD = {
    "quotes": 'SELECT "a"',
    "a backslash at the end": "SELECT '\\",
    "what is an escape to Graphviz": r"SELECT '\N \G \l \" \\'",
    "what is an entity to Graphviz": "SELECT '&amp; &lt; &#65; &'",
    "what is markup": "<b>bold</b> <!-- --> ]]>",
    "other alphabets": "SELECT 'Zoë Ωmega 日本 🦊'",
    "what ends a graph": '"] } digraph other { a -> b',
    "comments": "SELECT 1 -- /* // #",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_any_text_is_shown_as_it_is(text: str):
    graph = dot(with_sql(text))

    assert texts(graph)[-1] == text
    assert [each["name"] for each in objects(graph)] == [
        "cluster_batch1",
        "operation",
        "statement1",
        "step1_1",
    ]


def test_control_characters_which_a_picture_cannot_have_are_replaced():
    assert texts(dot(with_sql("a\x00b\x1bc\td")))[-1] == "a\ufffdb\ufffdc d"


def test_lines_stay_lines():
    assert texts(dot(with_sql("first\nsecond")))[-2:] == ["first", "second"]


def test_a_statement_of_any_length_can_be_drawn():
    long = "SELECT " + ", ".join(f"'{n} \\ \"'" for n in range(20_000))

    [statement] = [each for each in objects(dot(with_sql(long))) if each["name"] == "statement1"]

    assert len(statement["tooltip"]) > len(long)
