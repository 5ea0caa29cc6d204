"""`chittygraph import`: rows in, all of them or none."""

import io
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from db import migrator
from db.moving.transfers import TRANSFERS
from db.tables import TABLES
from resolvers.imported import SHAPES, Reader
from server.bounded_lines import LONGEST_LINE
from tests.moving import ACTOR, CONNECTION, CONTEXT, INSTALLATION, REGISTRY, Moving, content
from tests.serving import COMMAND, served

OTHER = "CHITTY-ACTOR-000002-AAAA"
LINE = json.dumps(ACTOR)


@pytest.fixture
def moving(tmp_path, capsys, monkeypatch):
    return Moving(tmp_path, capsys, monkeypatch)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "registry.db"


@contextmanager
def untouched(path):
    """What happens within leaves every row, and the file itself, as they were."""
    before = content(path)
    with closing(sqlite3.connect(path)) as watching:
        (version,) = watching.execute("PRAGMA data_version").fetchone()
        yield
        assert watching.execute("PRAGMA data_version").fetchone() == (version,)
    assert content(path) == before


def rejected(moving, path, *rows, flags=()):
    """The complaint about rows that must be rejected and leave the database as it was."""
    with untouched(path):
        code, out, err = moving.take(*rows, flags=flags)
    assert (code, out) == (1, "")
    return err


def test_rows_may_come_in_any_order(moving):
    code, out, err = moving.take(CONNECTION, CONTEXT, INSTALLATION, ACTOR)

    assert (code, err) == (0, "")
    assert [line["type"] for line in moving.lines()] == [
        "actors",
        "installations",
        "contexts",
        "connections",
    ]
    assert "1 actors added, 0 changed, 0 there already" in out


def test_what_a_line_leaves_out_gets_its_default(moving):
    moving.take(*REGISTRY)

    actor, _, context, connection = moving.lines()

    assert (actor["capabilities"], actor["session_count"], actor["email"]) == ([], 0, None)
    assert actor["created_at"] == actor["updated_at"] == context["created_at"]
    assert (context["status"], connection["status"], connection["config"]) == (
        "active",
        "active",
        {},
    )


def test_times_and_states_are_those_of_the_file_in_canonical_form(moving):
    times = {"created_at": "2025-10-21 18:52:06", "updated_at": "2025-10-21T20:52:06.5+02:00"}

    moving.take(ACTOR | {"status": "deleted"} | times, CONTEXT)

    actor, _ = moving.lines()
    assert actor["status"] == "deleted"
    assert actor["created_at"] == "2025-10-21T18:52:06.000Z"
    assert actor["updated_at"] == "2025-10-21T18:52:06.500Z"


BAD_FILES = {
    "UTF-16": (b"\xff\xfe{\x00", "is in UTF-16: save it as UTF-8"),
    "UTF-16 without a mark": (LINE.encode("utf-16-le"), "NUL byte"),
    "a NUL": (f"{LINE}\n{LINE}\0\n", "line 2 has a NUL byte"),
    "not UTF-8": (LINE.encode() + b"\n\xff\n", "line 2 is not UTF-8 at its byte 1"),
    "nothing": (b"", "is empty"),
    "a database": (b"SQLite format 3\0" + b"x" * 4000, "`chittygraph restore` takes one"),
    "a long line": (f"{LINE}\n{'x' * LONGEST_LINE}x\n", "line 2 has more than 4,194,304 bytes"),
}


@pytest.mark.parametrize(("raw", "said"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_rows_is_refused_in_one_line(moving, path, raw, said):
    moving.take(*REGISTRY)

    with untouched(path):
        code, out, err = moving.run("import", moving.write("bad.jsonl", raw))

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's own peak, in kB")
def test_a_line_of_50_mb_is_refused_without_being_held(moving, path):
    migrator.migrate(path)
    file = moving.folder / "long.jsonl"
    with file.open("wb") as writing:
        writing.write(b'{"type":"actors","x":"')
        writing.truncate(50 * 2**20)
    script = (
        "import sys; from server.cli import main; code = main(sys.argv[1:]);"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr);"
        "sys.exit(code)"
    )

    ran = subprocess.run(
        [sys.executable, "-c", script, "import", file, "--database", path],
        capture_output=True,
        text=True,
        check=False,
    )

    said, peak = ran.stderr.splitlines()
    assert ran.returncode == 1
    assert "line 1 has more than" in said
    assert int(peak) < 100 * 2**10


BAD_LINES = {
    "a key twice": ('{"type":"actors","type":"actors"}', "has the key 'type' twice"),
    "NaN": (LINE[:-1] + ',"session_count":NaN}', "has NaN, which is not JSON"),
    "half a character": (LINE[:-1] + ',"display_name":"\\ud800"}', "half of a surrogate pair"),
    "65 bits": (LINE[:-1] + ',"session_count":9223372036854775808}', "more than 64 bits"),
    "5,000 digits": (LINE[:-1] + f',"session_count":{"9" * 5000}}}', "more than 64 bits"),
    "too large": (LINE[:-1] + ',"session_count":1e999}', "too large"),
    "a fraction": (LINE[:-1] + ',"session_count":1.0}', "session_count: must be a whole number"),
    "a negative count": (LINE[:-1] + ',"session_count":-1}', "must be from 0 to"),
    "nests too deep": ("[" * 100_000 + "]" * 100_000, "nests too deep"),
    "an unknown type": ('{"type":"dogs"}', "its type must be one of actors"),
    "a type that is a list": ('{"type":["actors"]}', "its type must be one of actors"),
    "no type": ("{}", 'has no "type"'),
    "an array": ("[]", "must be a JSON object"),
    "no JSON": ("ada", "is not JSON at character 1"),
    "an unknown column": (LINE[:-1] + ',"shoe":1}', "shoe: is no column of actors"),
    "a null": ('{"type":"actors","chitty_id":null,"actor_type":"human"}', "null is none"),
    "a missing column": ('{"type":"actors","actor_type":"human"}', "chitty_id: a value is needed"),
    "a bad enum": (LINE.replace("human", "HUMAN"), "must be one of human, ai, service, system"),
    "a bad id": (LINE.replace("CHITTY-ACTOR", "chitty-actor"), "must be in capital letters"),
    "a bad instant": (LINE[:-1] + ',"created_at":"yesterday"}', "created_at: must be an instant"),
    "a bad address": (LINE[:-1] + ',"email":"ada"}', "must be an e-mail address"),
    "a bad list": (LINE[:-1] + ',"capabilities":["a",1]}', "capabilities: item 2: must be a text"),
    "text for a list": (LINE[:-1] + ',"capabilities":"[]"}', "must be a list of texts"),
}


@pytest.mark.parametrize(("line", "said"), BAD_LINES.values(), ids=BAD_LINES)
@pytest.mark.parametrize("place", [1, 3])
def test_a_bad_line_is_named_by_its_number_and_keeps_the_rest_out(moving, path, line, said, place):
    migrator.migrate(path)
    good = json.dumps(ACTOR | {"chitty_id": OTHER})
    lines = [good, "", "\n"]
    lines.insert(place - 1, line)

    with untouched(path):
        code, out, err = moving.run("import", moving.write("bad.jsonl", "\n".join(lines)))

    assert (code, out) == (1, "")
    assert err.startswith(f"line {place}: ")
    assert said in err
    assert "1 line was rejected, so nothing of" in err


def test_a_file_that_ends_within_a_line_is_told_from_one_without_a_last_line_end(moving, path):
    migrator.migrate(path)
    short = moving.write("short.jsonl", LINE[:-20])
    whole = moving.write("whole.jsonl", LINE)

    with untouched(path):
        cut_off = moving.run("import", short)
    complete = moving.run("import", whole)

    assert "line 1: the file ends in the middle of this line" in cut_off[2]
    assert (cut_off[0], complete[0]) == (1, 0)


MISSING = "CHITTY-ACTOR-999999-AAAA"
BAD_SETS = {
    "an owner who is missing": (
        [CONTEXT | {"owner_chitty_id": MISSING}],
        f"owner_chitty_id names none of the actors, neither in the file nor in the registry: {MISSING}",
    ),
    "a source of the other type": (
        [CONTEXT, CONNECTION | {"source_type": "actor"}, INSTALLATION],
        "line 2: source_chitty_id names none of the actors",
    ),
    "an installation that is missing": ([CONTEXT, CONNECTION], "line 2: installation_id names"),
    "a suspender who is missing": (
        [INSTALLATION | {"suspended_by_chitty_id": MISSING}],
        "suspended_by_chitty_id names none",
    ),
    "a key twice": ([CONTEXT, CONTEXT], "line 2: has the same chitty_id as line 1"),
    "a name twice": (
        [CONTEXT, CONTEXT | {"chitty_id": "CHITTY-CONTEXT-000002-AAAA"}],
        "line 2: has the same name as line 1",
    ),
    "a ChittyID of two types": (
        [CONTEXT, INSTALLATION | {"chitty_id": CONTEXT["chitty_id"]}],
        "has the ChittyID of line",
    ),
    "a ChittyID that an actor has": (
        [CONTEXT | {"chitty_id": ACTOR["chitty_id"]}],
        "line 1: has a ChittyID that one of the actors in the registry has",
    ),
    "a principal twice": (
        [
            {**ACTOR, "chitty_id": f"CHITTY-ACTOR-00001{n}-AAAA", "chitty_auth_principal_id": "p"}
            for n in range(2)
        ],
        "line 2: has the same chitty_auth_principal_id as line 1",
    ),
    "two active connections to one place": (
        [
            CONTEXT,
            INSTALLATION,
            CONNECTION,
            CONNECTION | {"connection_id": "00000000-0000-4000-8000-000000000002"},
        ],
        "line 4: has the same source, service and endpoint of an active connection as line 3",
    ),
    "a fact that is no JSON": (
        [
            {
                "type": "installation_facts",
                "installation_id": 7,
                "aspect": "events",
                "at": "2026-01-01T00:00:00.000Z",
                "rank": 0,
                "value": "ada",
            }
        ],
        "value: must be JSON",
    ),
}


@pytest.mark.parametrize(("rows", "said"), BAD_SETS.values(), ids=BAD_SETS)
def test_rows_that_are_at_odds_with_others_are_rejected(moving, path, rows, said):
    moving.take(ACTOR)

    assert said in rejected(moving, path, *rows)


def test_a_row_is_not_blamed_for_referring_to_a_rejected_one(moving, path):
    migrator.migrate(path)

    said = rejected(moving, path, ACTOR | {"email": "ada"}, CONTEXT)

    assert "line 1: email" in said
    assert "line 2" not in said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (CONTEXT, "has the same name as CHITTY-CONTEXT-000001-AAAA in the registry"),
        (CONNECTION, "has the same source, service and endpoint of an active connection as 0000"),
    ],
    ids=["name", "place"],
)
def test_what_the_registry_holds_is_not_doubled(moving, path, row, said):
    moving.take(*REGISTRY)
    key = "connection_id" if "connection_id" in row else "chitty_id"

    again = row | {key: row[key].replace("0001", "0002")}

    assert said in rejected(moving, path, again)


def test_importing_the_same_again_is_no_mistake_and_writes_nothing(moving, path):
    moving.take(*REGISTRY)
    file = moving.write("all.jsonl", moving.exported())

    with untouched(path):
        code, out, err = moving.run("import", file)

    assert (code, err) == (0, "")
    assert "0 contexts added, 0 changed, 1 there already" in out


def test_a_row_that_differs_is_rejected_with_the_columns_that_do(moving, path):
    moving.take(*REGISTRY)

    said = rejected(moving, path, CONTEXT | {"name": "quay", "tools": ["git"]})

    assert "line 1: is in the registry already, with another name, tools: leave" in said


def test_an_update_replaces_what_a_line_names_and_leaves_the_rest(moving):
    moving.take(ACTOR | {"email": "ada@example.org", "session_count": 7})
    (before,) = moving.lines()

    code, out, _ = moving.take(ACTOR | {"display_name": "Ada"}, flags=("--update",))

    (after,) = moving.lines()
    assert code == 0
    assert "0 actors added, 1 changed" in out
    assert after == before | {"display_name": "Ada", "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]


def test_rows_may_trade_what_is_unique(moving):
    second = CONTEXT | {"chitty_id": "CHITTY-CONTEXT-000002-AAAA", "name": "quay"}
    moving.take(ACTOR, CONTEXT, second)

    code, _, err = moving.take(
        CONTEXT | {"name": "quay"}, second | {"name": "harbour"}, flags=("--update",)
    )

    assert (code, err) == (0, "")
    assert [line["name"] for line in moving.lines() if "name" in line] == ["quay", "harbour"]


def test_an_active_connection_may_hand_its_place_to_another(moving):
    moving.take(*REGISTRY)
    heir = CONNECTION | {"connection_id": "00000000-0000-4000-8000-000000000002"}

    code, _, err = moving.take(heir, CONNECTION | {"status": "inactive"}, flags=("--update",))

    assert (code, err) == (0, "")
    assert [line["status"] for line in moving.lines()[-2:]] == ["inactive", "active"]


def test_facts_come_along_and_those_of_a_replaced_installation_are_forgotten(moving, path):
    fact = {
        "type": "installation_facts",
        "installation_id": 7,
        "aspect": "account_login",
        "at": "2026-01-01T00:00:00.000Z",
        "rank": 0,
        "value": '"octocat"',
    }
    moving.take(ACTOR, INSTALLATION, fact)
    stored = content(path)["installation_facts"]

    moving.take(INSTALLATION | {"account_login": "hubot"}, flags=("--update",))

    assert stored == [(7, "account_login", fact["at"], 0, '"octocat"')]
    assert content(path)["installation_facts"] == []


def test_a_dry_run_says_all_and_writes_nothing(moving, path):
    migrator.migrate(path)

    with untouched(path):
        fine = moving.take(*REGISTRY, flags=("--dry-run",))
        wrong = moving.take(CONTEXT, flags=("--dry-run",))

    assert (fine[0], wrong[0]) == (0, 1)
    assert "could be imported" in fine[1]
    assert "owner_chitty_id names none" in wrong[2]


@pytest.mark.parametrize("flags", [("--dry-run",), ()])
def test_no_database_is_made_for_what_is_not_imported(moving, path, flags):
    moving.take(CONTEXT if not flags else ACTOR, flags=flags)

    assert not path.exists()


def test_a_hundred_reasons_are_shown_and_all_of_them_written(moving, path):
    migrator.migrate(path)
    everything = moving.folder / "rejects.txt"
    rows = [CONTEXT | {"chitty_id": f"CHITTY-CONTEXT-{n:06}-AAAA"} for n in range(150)]

    shown = rejected(moving, path, *rows)
    rejected(moving, path, *rows, flags=("--rejects", str(everything)))

    assert sum(line.startswith("line ") for line in shown.splitlines()) == 100
    assert "150 lines were rejected" in shown
    assert {line.split(":")[0] for line in everything.read_text().splitlines()} == {
        f"line {n}" for n in range(1, 151)
    }


def test_odd_values_that_the_schema_can_express_are_taken_as_they_were_stored(moving):
    odd = ACTOR | {"chitty_id": "ada", "email": "ada", "display_name": "\0", "session_count": -1}

    refused = moving.take(odd)
    taken = moving.take(odd, flags=("--as-stored",))

    (line,) = moving.lines()
    assert (refused[0], taken[0]) == (1, 0)
    assert "email" in refused[2]
    assert odd.items() <= line.items()


@pytest.mark.parametrize(
    "given",
    [
        {"capabilities": "[]"},
        {"capabilities": {}},
        {"email": ["a"]},
        {"email": 1},
        {"session_count": True},
        {"session_count": "1"},
        {"status": "archived"},
        {"created_at": "yesterday"},
        {"display_name": "\ud800"},
        {"capabilities": ["\ud800"]},
    ],
    ids=str,
)
def test_as_stored_takes_nothing_that_the_schema_cannot_express(moving, path, given):
    migrator.migrate(path)

    said = rejected(moving, path, ACTOR | given, flags=("--as-stored",))

    assert said.startswith(f"line 1: {next(iter(given))}: ")


HEADER = "chitty_id,actor_type,display_name,capabilities\n"
BAD_CSV = {
    "an unknown column": (
        "chitty_id,shoe\n",
        "line 1 names a column 'shoe', which actors have not",
    ),
    "semicolons": ("chitty_id;actor_type\n", "separated by commas"),
    "a column twice": ("chitty_id,chitty_id\n", "names the column 'chitty_id' twice"),
    "a column too few": ("chitty_id\nx\n", "does not name actor_type, which actors must have"),
    "an open quote": (HEADER + 'x,human,"Ada\n' * 3, "line 2 is not CSV"),
    "a quote to the end": (HEADER + 'x,human,"Ada,[]\n', "line 2 has a quote that never closes"),
    "an endless quote": (HEADER + 'x,human,"' + "a\n" * LONGEST_LINE, "quote that never closes"),
    "a field too many": (
        HEADER + "x,human,Ada,[],7\n",
        "line 2: has 5 fields where the header has 4",
    ),
    "a field too few": (HEADER + "x,human\n", "line 2: has 2 fields where the header has 4"),
    "an end in a record": (HEADER + "x,hum", "line 2: the file ends in the middle of this record"),
    "broken JSON": (HEADER + "x,human,Ada,[\n", "line 2: capabilities: is not JSON at character 2"),
    "a bad number": ("chitty_id,actor_type,session_count\nx,human,1.5\n", "must be a whole number"),
}


@pytest.mark.parametrize(("text", "said"), BAD_CSV.values(), ids=BAD_CSV)
def test_bad_csv_is_refused_with_the_line(moving, path, text, said):
    migrator.migrate(path)

    with untouched(path):
        code, out, err = moving.run("import", moving.write("bad.csv", text), "--type", "actors")

    assert (code, out) == (1, "")
    assert said in err


def test_csv_may_have_a_mark_foreign_line_ends_and_lines_within_quotes(moving):
    text = f'{HEADER}{OTHER},human,"Ada ""A""","[""a"",""b""]"\r\n{ACTOR["chitty_id"]},ai,,\r\n'
    file = moving.write("actors.csv", b"\xef\xbb\xbf" + text.replace("\n", "\r\n", 1).encode())

    code, _, err = moving.run("import", file, "--type", "actors")

    first, second = moving.lines()
    assert (code, err) == (0, "")
    assert (first["display_name"], first["capabilities"]) == (None, [])
    assert (second["display_name"], second["capabilities"]) == ('Ada "A"', ["a", "b"])


def test_a_record_of_several_lines_is_named_by_its_first(moving, path):
    migrator.migrate(path)
    text = f'{HEADER}{OTHER},human,"Ada\nA","[""a"",\n""b""]"\nx,human,,\n'

    code, _, err = moving.run("import", moving.write("a.csv", text), "--type", "actors")

    assert code == 1
    assert re.findall(r"^line (\d+)", err, re.MULTILINE) == ["2", "5"]


def test_rows_are_read_from_stdin(moving, monkeypatch):
    raw = io.BytesIO(f"{LINE}\n".encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=raw))

    code, _, err = moving.run("import", "-", "--format", "jsonl")

    assert (code, err) == (0, "")
    assert len(moving.lines()) == 1


def test_a_type_may_be_said_once_for_all_lines(moving):
    bare = {name: value for name, value in ACTOR.items() if name != "type"}

    fine = moving.take(bare, flags=("--type", "actors"))
    at_odds = moving.take(ACTOR, flags=("--type", "contexts"))

    assert (fine[0], at_odds[0]) == (0, 1)
    assert 'has another "type" than --type says' in at_odds[2]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["rows.txt"], 2, "--format jsonl or csv"),
        (["dump.sql"], 2, "`chittygraph restore` takes"),
        (["-"], 2, "stdin is not named"),
        (["rows.csv"], 2, "add --type"),
        (["rows.jsonl", "--rejects", "rows.jsonl"], 2, "a file of its own"),
        (["rows.jsonl", "--rejects", "nowhere/rejects.txt"], 1, "nowhere/rejects.txt"),
        (["nothing.jsonl"], 1, "nothing.jsonl does not exist"),
        ([".", "--format", "jsonl"], 1, "is a folder"),
    ],
)
def test_what_cannot_be_imported_is_said(moving, path, words, code, said):
    found, out, err = moving.run("import", *words)

    assert (found, out, err.count("\n")) == (code, "", 1)
    assert said in err
    assert not path.exists()


def test_the_floor_of_free_space_is_kept(moving, path):
    migrator.migrate(path)

    with untouched(path):
        code, out, err = moving.take(ACTOR, flags=("--min-free-mb", str(2**40)))

    assert (code, out) == (1, "")
    assert "nothing was imported; make room" in err


def test_what_the_database_itself_refuses_is_said_and_undone(moving, path):
    moving.take(ACTOR)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TRIGGER others BEFORE INSERT ON contexts"
            " BEGIN SELECT raise(ABORT, 'the shop is closed'); END"
        )

    with untouched(path):
        code, out, err = moving.take(ACTOR | {"chitty_id": OTHER}, CONTEXT)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "is as it was, because nothing could be imported: the shop is closed" in err


@pytest.mark.parametrize(
    ("largest_file", "said"),
    [(400_000, "could not be kept in the temporary folder"), (3_000_000, "is as it was")],
    ids=["staging", "writing"],
)
def test_a_disk_that_fills_leaves_the_registry_as_it_was(moving, path, largest_file, said):
    moving.take(ACTOR)
    file = moving.write(
        "rows.jsonl",
        [
            CONTEXT | {"chitty_id": f"CHITTY-CONTEXT-{n:06}-AAAA", "name": f"harbour {n}"}
            for n in range(5000)
        ],
    )
    limits = (largest_file, largest_file)
    script = (
        "import resource, sys; from server.cli import main;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, {limits}); sys.exit(main())"
    )

    with untouched(path):
        ran = subprocess.run(
            [sys.executable, "-c", script, "import", file, "--database", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )

    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert said in ran.stderr


def test_rows_are_imported_while_a_server_runs_and_a_reader_keeps_its_snapshot(moving, path):
    with served(path), closing(sqlite3.connect(path, isolation_level=None)) as reading:
        reading.execute("BEGIN")
        before = reading.execute("SELECT count(*) FROM contexts").fetchone()
        code, _, err = moving.take(*REGISTRY)
        still = reading.execute("SELECT count(*) FROM contexts").fetchone()
        reading.execute("COMMIT")
        after = reading.execute("SELECT count(*) FROM contexts").fetchone()

    assert (code, err) == (0, "")
    assert (before, still, after) == ((0,), (0,), (1,))


def test_on_a_terminal_it_shows_how_far_it_is_and_wipes_that(moving, path):
    file = moving.write("rows.jsonl", REGISTRY)
    leader, follower = pty.openpty()

    ran = subprocess.run(
        [*COMMAND, "import", file, "--database", str(path)],
        stdout=subprocess.PIPE,
        stderr=follower,
        check=False,
    )

    os.close(follower)
    shown = os.read(leader, 100_000).decode()
    os.close(leader)
    assert ran.returncode == 0
    assert "reading [" in shown
    assert "writing [" in shown
    assert shown.endswith("\r\x1b[K")


@pytest.mark.parametrize("transfer", TRANSFERS, ids=lambda each: each.type)
def test_every_column_has_a_shape_and_every_shape_a_column(transfer):
    Reader(now="2026-01-01T00:00:00.000Z", as_stored=False)  # knows the rule of every column

    assert SHAPES[transfer.table].keys() <= transfer.table.columns.keys()


def test_every_table_moves():
    assert {each.table for each in TRANSFERS} > set(TABLES)
