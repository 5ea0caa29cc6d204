"""Completion of commands, flags and values, in real shells."""

import shutil
import subprocess
from pathlib import Path

import pytest

from server.called_as import CALLED_AS_VARIABLE, OWN_WORDS_VARIABLE
from tests.support.services.commands import command

# What bash would show for the words of a line, the last of which is being completed.
IN_BASH = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
[[ {words!r} == *' ' ]] && COMP_WORDS+=('') && COMP_CWORD=$((COMP_CWORD + 1))
registered=$(complete -p -- "${{COMP_WORDS[0]##*/}}") || exit
set -- $registered
[[ $4 == -F ]] && "$5" 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# zsh completes at a prompt only, so the test types a TAB at one.
IN_ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; fpath=({folder} $fpath); autoload -Uz compinit'
zpty -w shell 'cd {folder}; compinit -u -d {folder}/dump; print rea""dy'
zpty -m -r shell seen '*ready*'
zpty -w -n shell $'{words}\\t'
zpty -r -m shell seen '*{expected}*' && print -r -- "$seen"
zpty -d shell
"""
LINES = [
    ("chittygraph ser", "serve"),
    ("chittygraph keys cre", "create"),
    ("chittygraph serve --worke", "--workers"),
    ("chittygraph serve --auth prot", "protected"),
    ("chittygraph serve --graphiql au", "auto"),
    ("chittygraph explain --do", "--dot"),
]


AS_SCRIPT = {CALLED_AS_VARIABLE: "./run", OWN_WORDS_VARIABLE: "test check bench"}
LINES_OF_SCRIPT = [("./run ser", "serve"), ("./run keys cre", "create"), ("./run ben", "bench")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts for each shell, as ./run prints them."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "run").touch(0o755)
    for shell, name in (("bash", "bash"), ("zsh", "_chittygraph"), ("fish", "fish")):
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in AS_SCRIPT.items():
                patch.setenv(variable, value)
            done = command("completion", shell)
        assert (done.returncode, done.stderr) == (0, "")
        (folder / name).write_text(done.stdout)
    return folder


def shown(*words: str) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"no {words[0]}")
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=300).stdout


@pytest.mark.parametrize(("line", "completed"), [*LINES, *LINES_OF_SCRIPT])
def test_bash_completes(folder: Path, line: str, completed: str):
    out = shown("bash", "-c", IN_BASH.format(script=folder / "bash", words=line))

    assert completed in out.split()


@pytest.mark.parametrize(("line", "completed"), [*LINES, *LINES_OF_SCRIPT])
def test_fish_completes(folder: Path, line: str, completed: str):
    commands = f"cd {folder}; source fish; complete -C '{line}'"
    out = shown("fish", "--no-config", "-c", commands)

    assert completed in [each.split("\t")[0] for each in out.splitlines()]


@pytest.mark.parametrize(("line", "completed"), [*LINES, *LINES_OF_SCRIPT])
def test_zsh_completes(folder: Path, line: str, completed: str):
    out = shown("zsh", "-f", "-c", IN_ZSH.format(folder=folder, words=line, expected=completed))

    assert completed in out


def test_bash_completes_names_of_files(folder: Path):
    (folder / "registry.db").touch()

    line = "chittygraph serve --database regi"
    out = shown("bash", "-c", f"cd {folder}; " + IN_BASH.format(script="./bash", words=line))

    assert out.split() == ["registry.db"]


def test_an_unknown_shell_is_refused():
    assert (
        "there is no shell 'tcsh': use one of bash, zsh, fish"
        in command("completion", "tcsh").stderr
    )
