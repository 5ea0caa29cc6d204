"""The behaviour suite: the tests that hold on every engine, and how they get theirs.

Each test of PLACES, but not of BEFORE_IT, whose file opens databases by HELPERS belongs to it. With
`--thorough` it runs again on an engine over HTTP, as `test_name[rqlite]` or `test_name[d1]`: those of WRITING
on both, other files on one of them, in turn. QUICK are the files that run on both in the default run too.
`--engine NAME` runs the whole suite on this engine and nothing else.

A test that is about SQLite's file, or needs what only exists for files, is marked `files_only("the reason")`;
one that a single engine cannot pass `not_on("d1", "the reason")`, and one that is not for SQLite
`over_http("the reason")`. `./run test --engine NAME --collect-only` lists the reasons.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from zlib import crc32

import pytest

from tests.support.engines.engine import Engine, Files, present, set_present
from tests.support.paths import ROOT

SQLITE = "sqlite"
OVER_HTTP = ("rqlite", "d1")
PLACES = (
    *("tests/db/commands/", "tests/db/history/", "tests/db/queries/", "tests/db/security/"),
    *("tests/resolvers/", "tests/schema/", "tests/server/auth/", "tests/server/graphql/"),
    *("tests/server/subscriptions/", "tests/server/webhooks_out/"),
    *("tests/server/endpoints/test_access.py", "tests/server/endpoints/test_event_streams.py"),
    *("tests/server/endpoints/test_graphql_http.py", "tests/server/endpoints/test_idempoten"),
    *("tests/server/endpoints/test_query_method.py", "tests/server/endpoints/test_webhooks.py"),
    "tests/server/http/test_etags.py",
)
# What is refused before any database is asked, and random operations, which test_engines_agree.py makes too.
BEFORE_IT = (
    *("tests/resolvers/test_bad_mutation_inputs.py", "tests/schema/limits/"),
    *("tests/server/auth/test_rate_limits.py", "tests/schema/test_introspection.py"),
    *("tests/db/security/test_hidden_values.py", "tests/db/security/test_strangers_changes.py"),
    *("tests/schema/execution/test_isolation.py", "tests/schema/execution/test_paths_agree.py"),
)
WRITING = ("tests/db/commands/", "tests/server/endpoints/test_idempoten")
HELPERS = {
    ("tests.support.other_programs.github_payloads", "github_at"),
    ("tests.support.registries.connections", "registry"),
    ("tests.support.registries.databases", "opened"),
    ("tests.support.registries.mutations", "empty"),
    ("tests.support.registries.permissions", "registry"),
    ("tests.support.services.api", "running"),
    ("tests.support.services.local_server", "serving"),
    ("tests.support.services.outgoing", "quiet"),
    ("tests.support.services.protected_service", "protected_api"),
}
QUICK = {
    "tests/resolvers/test_context_mutations.py",
    "tests/schema/execution/test_engines_agree.py",
    "tests/server/endpoints/test_idempotency_limits.py",
}
ENGINES = pytest.StashKey[dict[str, Engine]]()
REASONS = pytest.StashKey[Counter[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --engine."""
    parser.addoption(
        "--engine", choices=OVER_HTTP, help="run the behaviour suite on it, and nothing else"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", "files_only(reason): runs on SQLite alone, for a reason that is a sentence"
    )
    config.addinivalue_line(
        "markers",
        "not_on(engine, reason): does not run on this engine, for a reason that is a sentence",
    )
    config.addinivalue_line("markers", "over_http(reason): does not run on SQLite, for a reason")
    engines: dict[str, Engine] = {SQLITE: Files()}
    config.stash[ENGINES] = engines


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the processes of the engines."""
    for engine in config.stash.get(ENGINES, {}).values():
        engine.close()


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test each engine that it is to run on; SQLite does not show in its name."""
    names = _engines_for(metafunc)
    if names != [SQLITE]:
        cases = [
            pytest.param(name, id=pytest.HIDDEN_PARAM if name == SQLITE else name) for name in names
        ]
        metafunc.parametrize("engine", cases, indirect=True, scope="module")


def _engines_for(metafunc: pytest.Metafunc) -> list[str]:
    path = metafunc.definition.path
    if metafunc.definition.get_closest_marker("files_only") or not belongs(path, metafunc.module):
        return [SQLITE]
    excluded = {mark.args[0] for mark in metafunc.definition.iter_markers("not_on")}
    others = [name for name in OVER_HTTP if name not in excluded]
    if chosen := metafunc.config.getoption("engine"):
        return [chosen] if chosen in others else [SQLITE]
    if metafunc.definition.get_closest_marker("over_http"):
        return others
    name = path.relative_to(ROOT).as_posix()
    if name in QUICK or _is_named(metafunc):
        return [SQLITE, *others]
    if not metafunc.config.getoption("thorough"):
        return [SQLITE]
    return [SQLITE, *(others if name.startswith(WRITING) else _in_turn(name, others))]


def _in_turn(name: str, others: list[str]) -> list[str]:
    """One of the engines, the same for a file each time."""
    return others[crc32(name.encode()) % len(others) :][:1] if others else []


def _is_named(metafunc: pytest.Metafunc) -> bool:
    """Whether the node id of one of its cases is given."""
    name = re.compile(rf"::{re.escape(metafunc.function.__name__)}\[")
    return any(name.search(arg) for arg in metafunc.config.args)


def belongs(path: Path, module: ModuleType) -> bool:
    """Whether the tests of a file belong to the suite."""
    name = path.relative_to(ROOT).as_posix()
    return (
        name.startswith(PLACES)
        and not name.startswith(BEFORE_IT)
        and any(
            (getattr(value, "__module__", None), getattr(value, "__name__", None)) in HELPERS
            for value in vars(module).values()
        )
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --engine, leave the others out; else mark those as long that the default run has no time for."""
    items[:] = [item for item in items if engine_of(item) == SQLITE or not _is_for_files(item)]
    chosen = config.getoption("engine")
    if chosen is not None:
        others = [item for item in items if engine_of(item) != chosen]
        config.stash[REASONS] = Counter(filter(None, (_reason(each, chosen) for each in others)))
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if engine_of(item) == chosen]
        return
    for item in items:
        if engine_of(item) != SQLITE and item.path.relative_to(ROOT).as_posix() not in QUICK:
            item.add_marker("thorough")


def _reason(item: pytest.Item, engine: str) -> str | None:
    """Why a test of the suite does not run on an engine."""
    for mark in item.iter_markers():
        if mark.name == "files_only" or (mark.name == "not_on" and mark.args[0] == engine):
            return str(mark.args[-1])
    return None


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """List how many tests do not run on the chosen engine, and why."""
    reasons = config.stash.get(REASONS, Counter())
    return [f"{count} not run: {reason}" for reason, count in reasons.most_common()]


def _is_for_files(item: pytest.Item) -> bool:
    """Whether a case of a parameter has the mark that a test else has."""
    return item.get_closest_marker("files_only") is not None


def engine_of(item: pytest.Item) -> str:
    """The engine that a test runs on."""
    call = getattr(item, "callspec", None)
    return str(call.params.get("engine", SQLITE)) if call else SQLITE


@pytest.fixture(scope="module", autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the engine that these tests run on."""
    name: str = getattr(request, "param", SQLITE)
    engines = request.config.stash[ENGINES]
    if name not in engines:
        engines[name] = _new(name)
    set_present(engines[name])
    yield name
    engines[name].release(engines[name].paths())
    set_present(engines[SQLITE])


def _new(name: str) -> Engine:
    # Imported when it is needed: pytest rewrites what it has not seen yet.
    from tests.support.engines import d1, rqlite

    return rqlite.Nodes() if name == "rqlite" else d1.Databases()


@pytest.fixture(autouse=True)
def _databases(engine: str) -> Iterator[None]:
    """Release what only this test has opened."""
    chosen = present()
    of_module = chosen.paths()
    yield
    chosen.release(chosen.paths() - of_module)
