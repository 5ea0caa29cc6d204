"""Files that are empty, unusual, missing or too large."""

import pytest

from tests.support.registries.transfers import ACTOR
from tests.support.services.commands import command, command_process, complaint


@pytest.mark.parametrize(
    ("name", "content"),
    [("rows.jsonl", "\n  \n\n"), ("actors.csv", "chitty_id,actor_type\n")],
)
def test_a_file_without_rows_imports_nothing(transfers, name, content):
    file = transfers.write(name, content)

    code, out, err = transfers.run("import", file, "--type", "actors")

    assert (code, err) == (0, "")
    assert out == f"{file} holds no rows, so there was nothing to import\n"


def test_a_csv_with_lone_carriage_returns_is_refused(transfers):
    file = transfers.write("actors.csv", "chitty_id,actor_type\rCHITTY-ADA,human\r")

    code, out, err = transfers.run("import", file, "--type", "actors")

    assert (code, out) == (1, "")
    assert err == (
        f"chittygraph: {file}: the record that begins in line 1 is not CSV: it has a carriage"
        " return without a line feed: save it with other line ends\n"
    )


def test_an_export_to_a_full_disk_says_what_to_do_and_leaves_nothing(transfers, tmp_path):
    transfers.take(*(ACTOR | {"chitty_id": f"CHITTY-ACTOR-{n:06}-AAAA"} for n in range(300)))

    done = command_process(
        *("export", "--jsonl", "--output", tmp_path / "all.jsonl"),
        *("--database", tmp_path / "registry.db"),
        limit=60_000,
    )

    assert complaint(done) == (
        "chittygraph: file too large: allow larger files on that disk and try again\n"
    )
    assert not [path for path in tmp_path.iterdir() if "all.jsonl" in path.name]


def test_a_missing_file_is_named_with_what_to_do(tmp_path):
    done = command("explain", tmp_path / "query.graphql")

    assert complaint(done) == (
        f"chittygraph: {tmp_path / 'query.graphql'}: no such file or directory: check the name\n"
    )
