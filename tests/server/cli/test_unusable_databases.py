"""Every command says in one sentence what is wrong with a database that it cannot use, and what to do."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from server.cli.output import messages
from tests.support.registries.databases import demo_registry, elsewhere, new_registry
from tests.support.running.ordinary_user import ordinary_user
from tests.support.services.commands import command, complaint

Make = Callable[[Path], Path]
QUERY = "{ contexts(first: 1) { nodes { name } } }"
ACTOR = (
    '{"type":"actors","chitty_id":"CHITTY-PEO-6f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f11",'
    '"actor_type":"human"}\n'
)
DELIVERY = '{"event": "ping", "payload": {"zen": "Keep it simple."}}'


@pytest.fixture(scope="module")
def files() -> Iterator[Path]:
    """What the commands read, in a folder that everybody may enter."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")) as folder:
        path = Path(folder).resolve()
        path.chmod(0o777)
        (path / "query.graphql").write_text(QUERY)
        (path / "actors.jsonl").write_text(ACTOR)
        (path / "delivery.json").write_text(DELIVERY)
        new_registry(path / "backup.db").chmod(0o644)
        warm = demo_registry(path / "warm.db")
        for words in READING + WRITING:  # so that all that they import is read before
            command(*[word.format(files=path) for word in words], "--database", warm)
        (path / "copy.db").unlink()
        yield path


# A server would go on: `serve` is tried where it cannot.
READING = [
    ("migrate", "--check"),
    ("check",),
    ("status",),
    ("status", "--schema", "--json"),
    ("sql", "SELECT 1"),
    ("backup", "{files}/copy.db"),
    ("export", "--jsonl"),
    ("export", "--csv", "actors"),
    ("export", "--sql"),
]
WRITING = [
    ("migrate",),
    ("demo",),
    ("explain", "{files}/query.graphql"),
    ("import", "{files}/actors.jsonl"),
    ("import", "{files}/actors.jsonl", "--dry-run"),
    ("keys", "list"),
    ("keys", "create", "--new-admin", "Ada"),
    ("keys", "revoke", "0123456789ab"),
    ("webhooks", "replay", "{files}/delivery.json"),
]
# They need no more than the folder.
ONLY_LOOKING = [
    ("explain", "{files}/query.graphql"),
    ("import", "{files}/actors.jsonl", "--dry-run"),
    ("keys", "list"),
]
SERVE = ("serve", "--port", "0")


@pytest.fixture
def place(files: Path) -> Iterator[Path]:
    """A folder of the test's own, removed whatever its permissions."""
    with tempfile.TemporaryDirectory(dir=files) as folder:
        path = Path(folder)
        path.chmod(0o777)
        yield path
        path.chmod(0o777)


def run(words: tuple[str, ...], files: Path, database: object) -> CompletedProcess[str]:
    given = [word.format(files=files) for word in words]
    with ordinary_user():
        return command(*given, "--database", database)


def in_closed_folder(place: Path) -> Path:
    path = demo_registry(place / "registry.db")
    path.chmod(0o666)
    place.chmod(0o700)
    return path


def not_readable(place: Path) -> Path:
    path = demo_registry(place / "registry.db")
    path.chmod(0o000)
    return path


def with_a_log_of_another_user(place: Path) -> Path:
    path = demo_registry(place / "registry.db")
    path.chmod(0o666)
    beside = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]
    with elsewhere(path) as connection:
        connection.execute("UPDATE actors SET display_name = display_name")
        left = [each.read_bytes() for each in beside]
    for each, content in zip(beside, left, strict=True):
        each.write_bytes(content)
        each.chmod(0o600)
    return path


def in_a_missing_folder(place: Path) -> Path:
    return place / "nosuch" / "registry.db"


def a_folder(place: Path) -> Path:
    (place / "registry.db").mkdir()
    return place / "registry.db"


def below_a_file(place: Path) -> Path:
    (place / "notes.txt").write_text("no folder")
    return place / "notes.txt" / "registry.db"


def a_link_to_nowhere(place: Path) -> Path:
    (place / "registry.db").symlink_to(place / "gone" / "registry.db")
    return place / "registry.db"


def of_no_bytes(place: Path) -> Path:
    (place / "registry.db").touch(mode=0o666)
    return place / "registry.db"


def a_text(place: Path) -> Path:
    (place / "registry.db").write_text("not a database, but long enough\n" * 100)
    (place / "registry.db").chmod(0o666)
    return place / "registry.db"


def with_a_long_name(place: Path) -> Path:
    return place / ("x" * 300)


UNUSABLE: dict[Make, tuple[str, str]] = {
    in_closed_folder: ("ermission denied", "change "),
    not_readable: ("cannot be read by this user", "change its owner or permissions"),
    with_a_log_of_another_user: ("-wal cannot be read by this user", "change its owner"),
    in_a_missing_folder: ("there is no folder", "create it"),
    a_folder: ("is a folder", "name a file in it"),
    below_a_file: ("there is no folder", "create it"),
    a_link_to_nowhere: ("there is no folder", "create it"),
    of_no_bytes: ("is empty (0 bytes)", "restore it from a backup, or delete it"),
    a_text: ("is damaged or not a SQLite database", "restore it from a backup, or name another"),
    with_a_long_name: ("ile name too long", "give it a shorter name"),
}


@pytest.mark.parametrize("make", UNUSABLE, ids=lambda make: make.__name__)
def test_a_database_that_cannot_be_opened_gets_one_sentence(files: Path, place: Path, make: Make):
    path = make(place)

    for words in [*READING, *WRITING, SERVE]:
        said = complaint(run(words, files, path))

        assert str(place) in said
        for part in UNUSABLE[make]:
            assert part in said, words


def test_commands_that_only_read_work_in_a_folder_that_cannot_be_written(files: Path, place: Path):
    path = demo_registry(place / "registry.db")
    path.chmod(0o444)
    place.chmod(0o555)

    for words in READING:
        done = run(words, files, path)

        (files / "copy.db").unlink(missing_ok=True)
        assert (done.returncode, done.stderr) == (0, ""), words


def test_the_others_say_that_the_folder_cannot_be_written(files: Path, place: Path):
    path = demo_registry(place / "registry.db")
    path.chmod(0o666)
    place.chmod(0o555)

    for words in [*WRITING, SERVE]:
        said = complaint(run(words, files, path))

        assert f"{place} cannot be written: registry.db needs files beside it; change" in said


@pytest.mark.parametrize("words", [each for each in WRITING if each not in ONLY_LOOKING])
def test_a_file_that_cannot_be_written_is_not_written(
    files: Path, place: Path, words: tuple[str, ...]
):
    path = demo_registry(place / "registry.db")
    path.chmod(0o444)

    said = complaint(run(words, files, path))

    assert f"{path} cannot be written: change its owner or permissions" in said


@pytest.mark.parametrize("words", ONLY_LOOKING)
def test_a_file_that_cannot_be_written_can_be_read(
    files: Path, place: Path, words: tuple[str, ...]
):
    path = demo_registry(place / "registry.db")
    path.chmod(0o444)

    assert run(words, files, path).returncode == 0


def test_a_link_that_leads_to_itself_is_a_wrong_setting(files: Path, place: Path):
    path = place / "registry.db"
    path.symlink_to(path)

    for words in [*READING, *WRITING, SERVE]:
        done = run(words, files, path)

        assert (done.returncode, done.stdout) == (messages.USAGE_ERROR, "")
        assert "leads back to itself: give another path" in done.stderr


def test_a_path_with_a_nul_is_a_wrong_setting(files: Path):
    done = run(("status",), files, "sqlite:///registry%00.db")

    assert (done.returncode, done.stdout) == (messages.USAGE_ERROR, "")
    assert "holds a NUL, which no path may" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("explain", "{loop}"), "leads back to itself"),
        (("import", "{loop}", "--format", "jsonl"), "leads back to itself"),
        (("import", "{files}/actors.jsonl", "--rejects", "{loop}"), "leads back to itself"),
        (("restore", "{loop}"), "does not exist: name a backup"),
        (("backup", "{loop}"), "is not an ordinary file: name another"),
        (("backup", "{loop}", "--once"), "name a folder"),
        (("explain", "{files}/query.graphql/x"), "a part of it is a file, so name another"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_wherever_it_is_given(
    files: Path, place: Path, words: tuple[str, ...], says: str
):
    loop = place / "loop.jsonl"
    loop.symlink_to(loop)
    path = demo_registry(place / "registry.db")

    done = command(*[word.format(files=files, loop=loop) for word in words], "--database", path)

    assert says in complaint(done)


def test_an_export_takes_the_place_of_a_link_that_leads_nowhere(place: Path):
    loop = place / "loop.jsonl"
    loop.symlink_to(loop)
    path = demo_registry(place / "registry.db")

    done = command("export", "--jsonl", "--output", loop, "--database", path)

    assert done.returncode == 0
    assert loop.read_text().startswith('{"type":"actors"')
