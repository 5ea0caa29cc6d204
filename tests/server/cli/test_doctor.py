"""`chittygraph doctor` shows what it finds, and says so by its exit code."""

import json
import re
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from server.cli import main
from server.doctor.examination import OF_ALL, OF_FILES
from tests.support.other_programs.http_servers import Handler, serving
from tests.support.pages.doc_pages import page, rows
from tests.support.registries.databases import demo_registry
from tests.support.services.commands import command
from tests.support.services.doctor import Examination


class Answer(Handler):
    """Answers everything with one status."""

    def answer(self) -> None:
        """Answer a request."""
        self.reply(self.service[1], {}, b"{}")


def answering(status: int) -> AbstractContextManager[tuple[int, int]]:
    """A server, as its port and that status."""
    return serving(Answer, lambda port: (port, status))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return demo_registry(tmp_path / "registry.db")


def test_each_finding_is_a_line_with_what_to_do_below(file: Path):
    file.write_bytes(b"")

    done = command("doctor", "--database", file)

    assert done.returncode == 1
    assert re.search(r"^problem  database     /.*\s+is empty", done.stdout, re.MULTILINE)
    assert re.search(r"^ +do: restore it from a backup", done.stdout, re.MULTILINE)
    assert re.search(r"^\d+ problems?, \d+ warnings?$", done.stdout.splitlines()[-1])


def test_warnings_alone_are_no_failure(file: Path):
    done = command("doctor", "--database", file, "--min-free-mb", "0")

    assert done.returncode == 0
    assert "warning  settings" in done.stdout
    assert re.search(r"^0 problems, [1-9]\d* warnings?$", done.stdout.splitlines()[-1])


def test_every_check_finds_something_whatever_the_state(file: Path, tmp_path: Path):
    text = tmp_path / "text.db"
    text.write_text("not a database" * 100)
    names = [check.name for check in (*OF_FILES, *OF_ALL)]

    for path in (file, text, tmp_path, tmp_path / "none.db", tmp_path / "none" / "none.db"):
        report = Examination(path).report

        assert list(dict.fromkeys(each["check"] for each in report["findings"])) == names
        for each in report["findings"]:
            assert each["found"]
            assert bool(each["advice"]) or each["level"] in {"ok", "skipped"}, each


def test_the_json_counts_what_it_lists(file: Path):
    report = json.loads(
        command("doctor", "--json", "--database", file, "--min-free-mb", "0").stdout
    )

    levels = [each["level"] for each in report["findings"]]
    assert report["problems"] == levels.count("problem")
    assert report["warnings"] == levels.count("warning") > 0


@pytest.mark.parametrize(
    ("status", "level", "says"),
    [
        (200, "ok", "is ready"),
        (503, "problem", "is not ready"),
        (404, "warning", "says 404 to /readyz"),
    ],
)
def test_the_server_of_this_machine_is_asked(file: Path, status: int, level: str, says: str):
    with answering(status) as (port, _):
        found = Examination(file, "--port", port)

    assert found.levels("server") == [level]
    assert says in found.found("server")


def test_a_server_that_does_not_run_is_no_problem(file: Path):
    with answering(200) as (port, _):
        pass

    assert Examination(file, "--port", port).levels("server") == ["skipped"]


def test_no_other_machine_is_asked(file: Path):
    found = Examination(file, "--host", "192.0.2.7", "--auth", "protected")

    assert "is not asked, only this machine is" in found.found("server")


def test_the_help_says_what_the_exit_codes_mean(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])

    help_ = " ".join(capsys.readouterr().out.split())
    assert "Exits with 0 if all is well or there are only warnings, and with 1" in help_
    assert "chittygraph doctor --backups /backups --max-age 2h --json" in help_


def test_every_check_is_on_the_page():
    listed = [
        first.strip("`") for first, *_ in rows(page("docs/deployment.md").section("Check it"))
    ]

    assert listed == [check.name for check in (*OF_FILES, *OF_ALL)]
