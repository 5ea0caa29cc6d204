"""`./run`: one environment, made once, by whoever comes first.

The Python that it finds here is a shell script that writes down what it is asked to do: what pip
does with the lock is seen whenever the suite itself is set up.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

TOOLS = (
    "sh",
    "readlink",
    "dirname",
    "cat",
    "cksum",
    "rm",
    "cp",
    "cmp",
    "mkdir",
    "chmod",
    "sleep",
    "grep",
)

PYTHON = f"""#!/bin/sh
echo "$0 $*" >>"$LOG"
[ ! -e "$BROKEN" ] || case $* in *install*) exit 1 ;; esac
case $1 in
-I) echo plain ;;
-c) exec {sys.executable} -I -S "$@" ;;
-V) echo Python 3.11.7 ;;
-m) case $2 in
    venv) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; sleep 0.2 ;;
    pip) bin=$(dirname "$0"); cp "$CHITTYGRAPH" "$bin/chittygraph" ;;
    pytest) echo "strict=$CHITTYGRAPH_TEST_STRICT" >>"$LOG" ;;
    esac ;;
esac
"""
OPTIMIZED = PYTHON.replace("echo plain", "echo optimized")
WITHOUT_VENV = PYTHON.replace("echo plain", "echo without-venv")
CHITTYGRAPH = """#!/bin/sh
echo "chittygraph $* in $PWD" >>"$LOG"
echo "called as $_CHITTYGRAPH_CALLED_AS" >>"$LOG"
echo "own words: $_CHITTYGRAPH_OWN_WORDS" >>"$LOG"
[ -z "${PYTHONDONTWRITEBYTECODE-}" ] || echo "bytecode=off" >>"$LOG"
exit 7
"""


class Clone:
    """A fresh clone, a PATH with little on it, and the log of what was run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a clone"
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.broken = folder / "broken"
        self.folder.mkdir()
        self.bin.mkdir()
        (self.folder / "tests").mkdir()
        (self.folder / "docs").mkdir()
        for name in ("run", "requirements.lock", "pyproject.toml", "docs/requirements.txt"):
            shutil.copy(ROOT / name, self.folder / name)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)
        script(folder / "chittygraph", CHITTYGRAPH)
        self.env = {
            "PATH": str(self.bin),
            "LOG": str(self.log),
            "BROKEN": str(self.broken),
            "CHITTYGRAPH": str(folder / "chittygraph"),
        }

    def start(self, *words: str, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.folder / "run", *words],
            env=self.env | env,
            cwd=cwd or self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str, cwd: Path | None = None, **env: str) -> tuple[int, str]:
        process = self.start(*words, cwd=cwd, **env)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        return process.returncode, out + err

    def count(self, phrase: str) -> int:
        return self.log.read_text().count(phrase) if self.log.exists() else 0


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def bare(tmp_path):
    return Clone(tmp_path)


@pytest.fixture
def clone(bare):
    script(bare.bin / "python3", PYTHON)
    return bare


def test_help_needs_no_environment(bare):
    code, output = bare.run()

    assert code == 0
    assert "usage: ./run WORD" in output
    assert not (bare.folder / ".venv").exists()


def test_help_explains_a_word_of_its_own_without_an_environment(bare):
    code, output = bare.run("help", "bench")

    assert code == 0
    assert output.startswith("usage: ./run bench ...\n")
    assert "run the benchmarks" in output
    assert "run the tests" not in output
    assert not (bare.folder / ".venv").exists()


def test_check_takes_no_options_and_names_the_command_that_does(clone):
    code, output = clone.run("check", "--fix")

    assert code == 1
    assert "./run chittygraph check looks through a database" in output


def test_help_passes_other_words_on(clone):
    code, output = clone.run("help", "keys", "create")

    assert code == 7, output
    assert clone.count("chittygraph help keys create in ") == 1


def test_bytecode_is_written_at_the_set_up_and_whatever_the_environment_says(clone):
    clone.run("status", PYTHONDONTWRITEBYTECODE="1")

    assert clone.count("-m compileall -q db migrations resolvers schema server") == 1
    assert clone.count("bytecode=off") == 0


def test_without_python_it_says_which_version_is_needed(bare):
    code, output = bare.run("status")

    assert code == 1
    assert "no Python 3.11 or newer" in output


def test_without_venv_it_says_how_to_install_it(bare):
    script(bare.bin / "python3", WITHOUT_VENV)

    code, output = bare.run("status")

    assert code == 1
    assert "apt install python3-venv" in output


def test_a_python_that_cannot_run_is_skipped(bare):
    script(bare.bin / "python3", "#!/bin/sh\nexit 127\n")
    script(bare.bin / "python3.12", PYTHON)

    code, output = bare.run("status")

    assert (code, bare.count("chittygraph status")) == (7, 1), output


@pytest.mark.parametrize(
    ("plain", "optimized"), [("python3", "python3.12"), ("python3", "later/python3")]
)
def test_an_optimized_python_is_preferred_wherever_it_is_on_the_path(bare, plain, optimized):
    (bare.bin / "later").mkdir()
    script(bare.bin / plain, PYTHON)
    script(bare.bin / optimized, OPTIMIZED)

    code, output = bare.run("status", PATH=f"{bare.bin}:{bare.bin / 'later'}")

    assert (code, bare.count("-m venv")) == (7, 1), output
    assert bare.count(f"{bare.bin / optimized} -m venv") == 1


def test_of_pythons_that_are_not_optimized_the_first_with_venv_is_taken(bare):
    script(bare.bin / "python3", WITHOUT_VENV)
    script(bare.bin / "python3.13", PYTHON)
    script(bare.bin / "python3.12", PYTHON)

    code, output = bare.run("status")

    assert code == 7, output
    assert bare.count(f"{bare.bin / 'python3.13'} -m venv") == 1


def test_the_python_that_is_named_wins_over_an_optimized_one(bare):
    script(bare.bin / "python3", OPTIMIZED)
    named = bare.folder.parent / "another python"
    script(named, PYTHON)

    code, output = bare.run("status", CHITTYGRAPH_PYTHON=str(named))

    assert code == 7, output
    assert bare.count(f"{named} -m venv") == 1


def test_a_named_python_that_does_not_run_is_refused(clone):
    code, output = clone.run("status", CHITTYGRAPH_PYTHON="/none/python3")

    assert code == 1
    assert "CHITTYGRAPH_PYTHON is '/none/python3', which does not run" in output
    assert not clone.log.exists()


def test_an_environment_is_kept_when_a_better_python_is_installed_and_none_is_looked_for(clone):
    clone.run("status")
    script(clone.bin / "python3", OPTIMIZED)
    before = clone.count("python_build.py")

    code, _ = clone.run("status")

    assert code == 7
    assert clone.count("-m venv") == 1
    assert clone.count("python_build.py") == before == 1


def test_the_first_run_installs_the_lock_with_hashes_and_the_second_nothing(clone):
    first, _ = clone.run("status")
    again, output = clone.run("status", "--json")

    assert (first, again, output) == (7, 7, "")
    assert clone.count("--require-hashes") == 1
    assert clone.count("-m venv") == 1
    assert clone.count("chittygraph status --json in") == 1


def test_a_changed_lock_is_installed_again(clone):
    clone.run("status")
    with (clone.folder / "requirements.lock").open("a") as lock:
        lock.write("# another pin\n")

    clone.run("status")

    assert clone.count("--require-hashes") == 2


def test_changed_metadata_is_installed_again_without_fetching_anything(clone):
    clone.run("status")
    with (clone.folder / "pyproject.toml").open("a") as metadata:
        metadata.write("# another setting\n")

    code, output = clone.run("status")

    assert code == 7, output
    assert clone.count("--require-hashes") == 1
    assert clone.count("--no-deps") == 2


def test_a_moved_clone_is_set_up_again(clone):
    clone.run("status")
    clone.folder = clone.folder.rename(clone.folder.parent / "elsewhere")

    clone.run("status")

    assert clone.count("-m venv") == 2


def test_an_environment_that_a_shell_has_activated_is_made_anew_by_another_python(clone):
    clone.run("status")
    own = clone.folder / ".venv" / "bin"
    script(own / "python3", OPTIMIZED)
    with (clone.folder / "requirements.lock").open("a") as lock:
        lock.write("# another pin\n")

    code, output = clone.run("status", PATH=f"{own}:{clone.bin}", VIRTUAL_ENV=str(own.parent))

    assert code == 7, output
    assert clone.count(f"{clone.bin / 'python3'} -m venv") == 2
    assert clone.count(f"{own / 'python3'}") == 0


def test_a_named_python_of_the_environment_itself_is_refused_before_anything_is_removed(clone):
    clone.run("status")
    own = clone.folder / ".venv" / "bin" / "python"
    with (clone.folder / "requirements.lock").open("a") as lock:
        lock.write("# another pin\n")

    code, output = clone.run("status", CHITTYGRAPH_PYTHON=str(own))

    assert code == 1
    assert "which is made here: name the Python that it was made from" in output
    assert own.exists()


def test_an_interrupted_set_up_is_repeated(clone):
    clone.broken.touch()
    failed, output = clone.run("status")
    clone.broken.unlink()

    code, _ = clone.run("status")

    assert failed == 1
    assert "Run the same command again" in output
    assert (code, clone.count("-m venv")) == (7, 2)


def test_two_concurrent_runs_set_up_once(clone):
    both = [clone.start("status"), clone.start("status")]
    outputs = [process.communicate(timeout=TIMEOUT_SECONDS)[1] for process in both]

    assert [process.returncode for process in both] == [7, 7]
    assert clone.count("-m venv") == 1, outputs
    assert clone.count("chittygraph status") == 2


def test_a_command_runs_in_the_callers_directory(clone, tmp_path):
    code, _ = clone.run("serve", "--port", "9", cwd=tmp_path)

    assert code == 7
    assert clone.count(f"chittygraph serve --port 9 in {tmp_path}\n") == 1


def test_a_command_knows_how_it_was_called(clone):
    clone.run("serve")

    assert clone.count(f"called as {clone.folder / 'run'}\n") == 1
    assert clone.count("own words: test check bench faults docs\n") == 1


def test_a_command_with_the_same_name_is_reached_through_chittygraph(clone, tmp_path):
    clone.run("chittygraph", "check", "--fix", cwd=tmp_path)

    assert clone.count(f"chittygraph check --fix in {tmp_path}\n") == 1


@pytest.mark.parametrize(
    ("env", "strict"), [({}, ""), ({"CI": "true"}, "1"), ({"CHITTYGRAPH_TEST_STRICT": "1"}, "1")]
)
def test_tests_are_strict_in_ci_and_on_request(clone, env, strict):
    code, _ = clone.run("test", "-k", "boot", **env)

    assert code == 0
    assert clone.count("-m pytest -k boot") == 1
    assert clone.count(f"strict={strict}\n") == 1


def pytest_in(folder: Path, plugin: str, *flags: str, **env: str) -> str:
    """What pytest prints of the tests in a folder, with one of our plugins."""
    words = ["-p", plugin, "-c", os.devnull, *flags, str(folder)]
    environ = {name: value for name, value in os.environ.items() if name != "CI"}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        # The plugins of others take most of the time, and have no part in this.
        env=environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout


@pytest.mark.parametrize(("strict", "outcome"), [("0", "1 skipped"), ("1", "1 failed")])
def test_a_skipped_test_fails_in_strict_mode(tmp_path, strict, outcome):
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\ndef test_it():\n    pytest.skip('no node')\n"
    )

    output = pytest_in(
        tmp_path, "tests.support.running.strict_mode", CHITTYGRAPH_TEST_STRICT=strict
    )

    assert outcome in output


@pytest.mark.parametrize(
    ("flags", "outcome"),
    [
        ([], "1 passed, 1 deselected"),
        (["--thorough"], "2 passed"),
        (["--thorough", "-m", "thorough"], "1 passed, 1 deselected"),
    ],
)
def test_a_long_test_runs_where_it_is_asked_for(tmp_path, flags, outcome):
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\n@pytest.mark.thorough\ndef test_long(): pass\n\ndef test_short(): pass\n"
    )

    output = pytest_in(tmp_path, "tests.support.running.thorough", *flags)

    assert outcome in output


HOWEVER_TESTS_END = """
import pytest

@pytest.fixture(params=["", "before", "after"])
def used(request):
    assert request.param != "before"
    yield
    assert request.param != "after"

def test_that_passes(): pass
def test_that_fails(): assert False
def test_that_is_skipped(): pytest.skip("no node")
def test_with_a_fixture(used): pass
"""


def test_every_failure_in_another_process_is_reported(tmp_path):
    (tmp_path / "test_it.py").write_text(HOWEVER_TESTS_END)

    output = pytest_in(tmp_path, "tests.support.running.parallel", "-p", "xdist", "-n", "1")

    assert "1 failed, 3 passed, 1 skipped, 2 errors" in output


def test_the_docs_have_an_environment_of_their_own_which_is_made_once(clone):
    codes = [clone.run("docs", *flags)[0] for flags in ([], ["--build"])]

    assert codes == [0, 0]
    assert (clone.folder / ".venv-docs" / "bin" / "python").exists()
    assert clone.count("-m venv") == 2  # the other is the server's, which writes the tables
    assert clone.count("--require-hashes") == 2
    assert clone.count("-m mkdocs serve --dev-addr 127.0.0.1:8001") == 1


def test_the_site_is_built_strictly_from_tables_that_are_up_to_date(clone):
    clone.run("docs", "--build")

    assert clone.count("docs/generate.py --check") == 1
    assert clone.count("-m mkdocs --quiet build --clean --strict") == 1


def test_an_unknown_option_of_the_docs_is_refused(clone):
    code, output = clone.run("docs", "--biuld")

    assert code == 1
    assert "takes --build or nothing" in output
