"""`chittygraph WORD`, as an operator uses it."""

import json
import os
import re
import signal
import socket
import subprocess
from typing import Any
from urllib.request import urlopen

import pytest

from schema import semantic_nullability
from server.cli import main
from tests.support.registries.databases import demo_registry, elsewhere
from tests.support.services.forked import COMMAND
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of


def status_of(url: str) -> int:
    with urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
        return int(answer.status)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "registry.db"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in os.environ:
        if name.startswith("CHITTYGRAPH_"):
            monkeypatch.delenv(name)


@pytest.fixture
def chittygraph(path, capsys):
    """Run one command on the test's database; returns its exit code, output and complaint."""

    def run(*words: str) -> tuple[Any, str, str]:
        code: Any
        try:
            code = main([*words, "--database", str(path)])
        except SystemExit as ended:
            code = ended.code
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_migrating_applies_everything_once(chittygraph):
    first = chittygraph("migrate")
    again = chittygraph("migrate")

    assert first[0] == again[0] == 0
    assert "applied 0001_create_contexts_table\n" in first[1]
    assert "is up to date" in again[1]


def test_migrate_check_changes_nothing_and_reports_by_its_exit_code(chittygraph, path):
    before = chittygraph("migrate", "--check")
    exists = path.exists()
    chittygraph("migrate")
    after = chittygraph("migrate", "--check")

    assert (before[0], exists, after[0]) == (1, False, 0)
    assert "pending 0001_create_contexts_table\n" in before[1]


def test_status_does_not_create_a_missing_database(chittygraph, path):
    code, out, _ = chittygraph("status")

    assert (code, path.exists()) == (0, False)
    assert "does not exist yet" in out


def test_status_shows_row_counts_and_the_sqlite_version(chittygraph, path):
    chittygraph("demo")

    code, out, _ = chittygraph("status", "--json")

    found = json.loads(out)
    assert code == 0
    assert found["database"] == str(path)
    assert found["pending"] == []
    assert found["rows"]["contexts"] == 120
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["sqlite"])


def test_the_demo_fills_an_empty_registry_only(chittygraph):
    first = chittygraph("demo")
    again = chittygraph("demo")

    assert first[0] == again[0] == 0
    assert "A first query to try" in first[1]
    assert "no sample data was added" in again[1]


def test_a_file_that_is_not_a_database_gets_one_line_and_no_traceback(chittygraph, path):
    path.write_text("not a database, but long enough to look at " * 100)

    for words in (["migrate"], ["status"], ["demo"], ["serve", "--port", "0"]):
        code, out, err = chittygraph(*words)

        assert (code, out) == (1, "")
        assert err.startswith("chittygraph: ")
        assert str(path) in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [["nosuch"], [], ["serve", "--prot", "1"], ["serve", "--port", "x"], ["webhooks", "replay"]],
)
def test_wrong_usage_of_a_command_exits_with_2(chittygraph, words):
    code, _, err = chittygraph(*words)

    assert code == 2
    assert "chittygraph" in err


@pytest.mark.parametrize("words", [["serve"], ["keys", "create", "--new-admin", "Ada"]])
def test_an_unknown_flag_is_refused_with_the_usage_of_its_command(chittygraph, words):
    command = " ".join(["chittygraph", *[word for word in words[:2] if word.isalpha()]])

    code, _, err = chittygraph(*words, "--prot", "1")

    assert code == 2
    assert err.startswith(f"usage: {command} ")
    assert f"{command}: error: unrecognized arguments: --prot 1" in err


@pytest.mark.parametrize(
    "word",
    [
        "serve",
        "migrate",
        "status",
        "schema",
        "explain",
        "export",
        "import",
        "keys",
        "webhooks",
        "demo",
    ],
)
def test_every_command_has_help(capsys, word):
    with pytest.raises(SystemExit) as caught:
        main([word, "--help"])

    assert caught.value.code == 0
    assert f"usage: chittygraph {word}" in capsys.readouterr().out


def test_an_unknown_variable_is_an_error_of_every_command(chittygraph, monkeypatch):
    monkeypatch.setenv("CHITTYGRAPH_PROT", "9000")

    code, _, err = chittygraph("status")

    assert code == 2
    assert "did you mean CHITTYGRAPH_PORT?" in err


def test_the_schema_is_printed_as_sdl():
    ran = subprocess.run([*COMMAND, "schema"], capture_output=True, text=True, check=True)

    assert "type Query {" in ran.stdout
    assert ran.stderr == ""


def test_the_schema_is_printed_with_semantic_nullability(capsys):
    assert main(["schema", "--nullability", "semantic"]) == 0

    assert capsys.readouterr().out == semantic_nullability.sdl()


def test_another_nullability_is_refused_with_the_one_that_there_is(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["schema", "--nullability", "strict"])

    assert ended.value.code == 2
    assert "semantic" in capsys.readouterr().err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_server_responds_and_stops_cleanly(path, stop):
    with served(path, "--demo") as (process, output):
        status = status_of(url_of(output, "/healthz"))
        process.send_signal(stop)
        _, err = process.communicate(timeout=TIMEOUT_SECONDS)

    assert (status, process.returncode) == (200, 0)
    assert "Traceback" not in err
    assert all(json.loads(line)["event"] for line in err.splitlines())


def test_several_workers_respond_and_stop_together(path):
    with served(path, "--workers", "2", fork=False) as (process, output):
        status = status_of(url_of(output, "/healthz"))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=TIMEOUT_SECONDS)

    assert (status, process.returncode) == (200, 0)
    assert "Traceback" not in err


def test_a_port_in_use_is_reported_before_the_database_is_touched(chittygraph, path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code, out, err = chittygraph("serve", "--port", str(port))

    assert (code, out) == (1, "")
    assert err == f"chittygraph: 127.0.0.1 port {port} is in use: choose another with --port\n"
    assert not path.exists()


def test_replay_reports_a_bad_payload_and_applies_the_others(chittygraph, tmp_path):
    (tmp_path / "a.json").write_text("not JSON")
    (tmp_path / "b.json").write_text('{"event": "ping", "payload": {"zen": "Keep it simple."}}')

    code, out, _ = chittygraph("webhooks", "replay", str(tmp_path))

    bad, good, _ = out.splitlines()
    assert code == 1
    assert bad == f"{tmp_path / 'a.json'}: refused: the file is not JSON"
    assert good.startswith(f"{tmp_path / 'b.json'}: ")
    assert "refused" not in good


def test_replay_reports_a_folder_without_payloads(chittygraph, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")

    code, out, _ = chittygraph("webhooks", "replay", str(tmp_path))

    assert code == 1
    assert out == f"{tmp_path}: refused: the folder holds no *.json\n1 payload: 1 refused\n"


def test_replay_takes_all_payloads_below_a_folder_and_sums_up(chittygraph, tmp_path):
    below = tmp_path / "payloads" / "of" / "today"
    below.mkdir(parents=True)
    ping = json.dumps({"event": "ping", "payload": {"zen": "Keep it simple."}})
    for name in ("2.json", "1.json"):
        (below / name).write_text(ping)
    (below / "folder.json").mkdir()
    (tmp_path / "payloads" / "package.json").write_text('{"name": "payloads"}')
    (tmp_path / "payloads" / "README.md").write_text("no payload")

    code, out, _ = chittygraph("webhooks", "replay", str(tmp_path / "payloads"))

    first, second, total = out.splitlines()
    assert code == 0
    assert first.startswith(f"{below / '1.json'}: ")
    assert second.startswith(f"{below / '2.json'}: ")
    assert total == "2 payloads: 2 pong; 1 file is no payload"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[1]", 'a list must hold objects with "name" and "examples"'),
        ('{"name": "payloads"}', "no GitHub payload, as it has none of the keys installation, "),
    ],
)
def test_a_file_that_is_named_and_no_payload_is_refused(chittygraph, tmp_path, content, reason):
    file = tmp_path / "other.json"
    file.write_text(content)

    code, out, _ = chittygraph("webhooks", "replay", str(file))

    refused, total = out.splitlines()
    assert refused.startswith(f"{file}: refused: {reason}")
    assert (code, total) == (1, "1 payload: 1 refused")


def test_an_export_to_a_file_ends_with_what_it_wrote(chittygraph, tmp_path):
    chittygraph("demo")
    file = tmp_path / "actors.csv"

    rows = chittygraph("export", "--csv", "actors", "--output", str(file))
    dump = chittygraph("export", "--sql", "--output", str(tmp_path / "dump.sql"))

    assert rows == (0, f"{file}: 40 rows, {file.stat().st_size:,} bytes\n", "")
    assert re.fullmatch(r"\S+dump.sql: [\d,]+ bytes\n", dump[1])


def test_a_server_whose_clock_is_behind_a_row_says_so_once(path):
    with elsewhere(demo_registry(path)) as connection:
        connection.execute("UPDATE contexts SET created_at = '2199-01-01T00:00:00.000Z'")

    with served(path, "--workers", "2") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=TIMEOUT_SECONDS)

    (warning,) = [line for line in map(json.loads, err.splitlines()) if line["level"] == "warning"]
    assert warning["event"] == "clock is behind stored instants"
    assert warning["column"] == "contexts.created_at"
    assert warning["newest"] == "2199-01-01T00:00:00.000Z"
    assert warning["seconds"] > 86_400
    assert "set this machine's clock" in warning["hint"]
