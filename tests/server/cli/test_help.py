"""What the command line says of itself, and of a word or flag that is misspelt."""

import re
import sys
from dataclasses import fields
from importlib.metadata import version

import pytest

from server.called_as import CALLED_AS_VARIABLE, OWN_WORDS_VARIABLE
from server.cli import COMMANDS
from server.setting_fields import flag
from server.settings import SECTIONS, Settings
from tests.support.services.commands import command, command_process


def test_the_version_is_printed_to_stdout():
    done = command("--version")

    assert done.returncode == 0
    assert (done.stdout, done.stderr) == (f"chittygraph {version('chittygraph')}\n", "")


def test_help_lists_every_command_on_stdout():
    done = command("help")

    assert (done.returncode, done.stderr) == (0, "")
    for word in COMMANDS:
        assert re.search(rf"^    {word}\b", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("words", [["serve"], ["keys"], ["keys", "create"]])
def test_help_explains_the_command_that_it_is_given(words):
    done = command("help", *words)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: chittygraph {' '.join(words)} ")
    assert done.stdout == command(*words, "--help").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["serv"], "chittygraph: error: there is no command 'serv': did you mean serve?"),
        (["help", "statsu"], "there is no command 'statsu': did you mean status?"),
        (["keys", "crate"], "there is no action 'crate': did you mean create?"),
        (["export", "--csv", "actor"], "there is no type 'actor': did you mean actors?"),
        (
            ["--database", "a.db", "status"],
            "--database comes after the command: status --database ...",
        ),
        (
            ["keys", "--database=a.db", "list"],
            "--database comes after the action: list --database ...",
        ),
        (["serve", "--prot", "1"], "unrecognized arguments: --prot 1: did you mean --port?"),
        (["serve", "--prot=1"], "unrecognized arguments: --prot=1: did you mean --port?"),
    ],
)
def test_a_misspelt_word_or_flag_gets_a_suggestion(words, says):
    done = command(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"{says}\n")


def test_a_word_that_resembles_none_gets_the_list():
    assert "there is no command 'xyzzy': use one of serve, migrate," in command("xyzzy").stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["keys"],
            "chittygraph keys: error: the following arguments are required: ACTION: use one of",
        ),
        (["completion"], "are required: SHELL: use one of bash, zsh, fish\n"),
        ([], "are required: COMMAND: use one of serve, migrate,"),
    ],
)
def test_a_missing_word_gets_the_list(words, says):
    done = command(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_settings_are_grouped_as_in_the_docs():
    out = command("help", "serve").stdout

    places = [out.index(f"\nsettings: {title.lower()}:\n") for title in SECTIONS.values()]
    first = [out.index(f"\n  {flag(name)} ") for name in SECTIONS]

    assert places == sorted(places)
    assert all(title < setting for title, setting in zip(places, first, strict=True))
    assert all(setting < title for setting, title in zip(first, places[1:], strict=False))


def test_each_setting_says_what_it_accepts():
    out = re.sub(r"\s+", " ", command("help", "serve").stdout)

    assert "--pin-cpus [true|false] " in out
    assert "--graphiql [true|false|auto] " in out
    assert "--log-format auto|json|text " in out
    assert "--port NUMBER Port to listen on; 0 picks a free one. Between 0 and 65535." in out
    assert "--max-tokens NUMBER Most tokens in a document. At least 1." in out
    assert "TRUE" not in out
    assert str(sys.maxsize) not in out
    for declared in fields(Settings):
        assert f" {flag(declared.name)} " in out


def test_no_line_of_the_help_is_wider_than_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    for word in COMMANDS:
        lines = command(word, "--help").stdout.splitlines()
        assert [line for line in lines if len(line) > 100] == []
        assert [line for line in lines if len(line) > 80 and "chittygraph " not in line] == []


def test_help_names_the_forms_of_a_database():
    out = " ".join(command("help", "migrate").stdout.split())

    for form in ("sqlite:///PATH", "rqlite://USER:PASSWORD@HOST:PORT", "rqlites://", "d1+https://"):
        assert form in out


def test_commands_are_named_as_the_reader_types_them(monkeypatch, tmp_path):
    monkeypatch.setenv(CALLED_AS_VARIABLE, "./run")
    monkeypatch.setenv(OWN_WORDS_VARIABLE, "test check")
    monkeypatch.chdir(tmp_path)

    helped = command_process("check", "--help").stdout
    refused = command_process("sql", "SELECT 1").stderr
    examined = command_process("doctor").stdout

    assert helped.startswith("usage: ./run chittygraph check ")
    assert "`./run status` lists the repairs" in helped
    assert helped.endswith(
        "examples:\n  ./run chittygraph check\n  ./run chittygraph check --fix\n"
    )
    assert "make it with `./run migrate`" in refused
    assert "do: make it with `./run migrate`" in examined
