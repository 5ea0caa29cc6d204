"""Settings in a file: `--config FILE`, or `.env` where the command is called."""

import json
import os
from pathlib import Path

import pytest

from tests.support.services.commands import command


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("CHITTYGRAPH_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def database(*words: object) -> str:
    """The database that a command looks at, by its name."""
    done = command("status", "--json", *words)
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["database"]).name


def refusal(*words: object) -> str:
    done = command("status", *words)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr.removeprefix("chittygraph: ").rstrip("\n")


def test_a_file_is_read_where_it_is_named(folder: Path):
    (folder / "graph.env").write_text(
        "# ours\nexport CHITTYGRAPH_DATABASE='of file.db' # quoted\nCHITTYGRAPH_PORT=9000\n"
    )

    assert database("--config", folder / "graph.env") == "of file.db"


def test_env_in_the_working_directory_is_read_without_being_named(folder: Path):
    (folder / ".env").write_text("PORT=3000\nCHITTYGRAPH_DATABASE=of-env.db\nOTHERS\n")

    assert database() == "of-env.db"


def test_a_named_file_is_read_instead_of_env(folder: Path):
    (folder / ".env").write_text("CHITTYGRAPH_DATABASE=of-env.db\n")
    (folder / "other").write_text("CHITTYGRAPH_PORT=9000\n")

    assert database("--config", "other") == "chittygraph.db"


def test_a_variable_comes_before_the_file_and_a_flag_before_both(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (folder / ".env").write_text("CHITTYGRAPH_DATABASE=of-env.db\n")
    monkeypatch.setenv("CHITTYGRAPH_DATABASE", "of-variable.db")

    assert database() == "of-variable.db"
    assert database("--database", "of-flag.db") == "of-flag.db"


def test_a_folder_named_env_is_no_file_of_settings(folder: Path):
    (folder / ".env").mkdir()

    assert database() == "chittygraph.db"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "\nCHITTYGRAPH_DATABSE=x.db\n",
            "line 2: CHITTYGRAPH_DATABSE is not a setting: did you mean CHITTYGRAPH_DATABASE?",
        ),
        ("PORT=1\n", "line 1: PORT is not a setting: did you mean CHITTYGRAPH_PORT?"),
        (
            "# ours\nCHITTYGRAPH_PORT=http\n",
            "line 2: CHITTYGRAPH_PORT is 'http': it must be a whole number",
        ),
        (
            "CHITTYGRAPH_PORT=70000\n",
            "line 1: CHITTYGRAPH_PORT is 70000: it must be at least 0 and at most 65535",
        ),
        ("CHITTYGRAPH_PORT\n", "line 1: write CHITTYGRAPH_PORT=value"),
        ("CHITTYGRAPH_HOST=::1\nlisten on 80\n", "line 2: write NAME=value"),
    ],
)
def test_a_line_that_is_wrong_is_refused_with_its_place(folder: Path, text: str, says: str):
    (folder / "graph.env").write_text(text)

    assert refusal("--config", "graph.env") == f"graph.env, {says}"


def test_a_file_that_is_no_text_is_refused(folder: Path):
    (folder / "graph.env").write_bytes(b"CHITTYGRAPH_DATABASE=\xff\n")

    assert refusal("--config", "graph.env") == "graph.env is not UTF-8 text"


def test_a_named_file_that_is_missing_is_refused():
    done = command("status", "--config", "graph.env")

    assert done.returncode == 1
    assert done.stderr == "chittygraph: graph.env: no such file or directory: check the name\n"
