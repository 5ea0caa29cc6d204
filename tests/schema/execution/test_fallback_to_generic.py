"""Operations that no plan can execute: generic execution takes over, once and in the same snapshot.

Why is counted.
"""

import gc
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from db.errors import Problem
from db.program import Program, ReadTimes, Statement, rows
from resolvers import loaders
from resolvers.permissions import OPERATOR
from resolvers.recording_context import RecordingContext
from schema.compiled import plan
from schema.execution import generic
from schema.execution.executor import OperationResult
from tests.support.expectations.statement_counts import RecordedRegistry, fill, watched
from tests.support.registries.databases import elsewhere
from tests.support.services.api import running

T = TypeVar("T")

NAMES = "{ contexts { nodes { name } } actors { nodes { chittyId %s } } }"
SESSIONS = "SELECT session_count FROM actors ORDER BY chitty_id"
FAULTS = {
    "an unknown enum value": ("UPDATE actors SET actor_type = 'robot'", "actorType", "Unreadable"),
    "a BLOB": ("UPDATE actors SET email = x'ff00'", "email", "EngineError"),
    "invalid JSON": ("UPDATE actors SET capabilities = '[1'", "capabilities", "Unreadable"),
    "an infinite number": (
        "UPDATE actors SET session_count = 9e999",
        "sessionCount",
        "JSONDecodeError",
    ),
    "no instant": ("UPDATE actors SET last_seen_at = 'yesterday'", "lastSeenAt", "Unreadable"),
}


def damage(registry: RecordedRegistry, sql: str) -> None:
    """Write what no rule would let through, as a program without rules might."""
    with elsewhere(registry.db.path) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"{sql} WHERE chitty_id = 'CHITTY-ACTOR-000001-AAAA'")


def change(registry: RecordedRegistry) -> None:
    with elsewhere(registry.db.path) as connection:
        connection.execute("UPDATE contexts SET name = 'changed ' || name")


@dataclass(eq=False)
class InterruptedScope(RecordingContext):
    """A scope in which others commit a change just when a plan has met a fault."""

    registry: Any = None

    async def read_measured(self, start: Callable[[], Program[T]], times: ReadTimes) -> T:
        """Run a Program, and let the others go first when it raises."""
        try:
            return await super().read_measured(start, times)
        except Exception:
            change(self.registry)
            raise


@dataclass(eq=False)
class WritingScope(RecordingContext):
    """A scope that counts the Programs which were given to the writer."""

    writes: int = 0

    async def write(self, program: Program[T], *, unkept: Problem | None = None) -> T:
        """Run a Program in a transaction."""
        self.writes += 1
        return await super().write(program, unkept=unkept)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[RecordedRegistry]:
    """Three of everything."""
    async with watched(tmp_path / "registry.db") as watching:
        await fill(watching, 3)
        yield watching


async def answered(registry: RecordedRegistry, query: str, **variables: Any) -> OperationResult:
    async with RecordingContext(db=registry.db, cursor_key=b"key", viewer=OPERATOR) as ctx:
        return await registry.answered(ctx, query, variables)


async def by_generic_execution(registry: RecordedRegistry, query: str, **variables: Any) -> Any:
    async with RecordingContext(db=registry.db, cursor_key=b"key", viewer=OPERATOR) as ctx:
        document = registry.documents.prepare(query)
        return await generic.run(document, document.operation(None), ctx, variables)


def told(errors: Any) -> list[Any]:
    return sorted((error.message, error.path) for error in errors)


async def sessions(registry: RecordedRegistry) -> list[Any]:
    found = await registry.db.read(rows(Statement(SESSIONS)))
    return [count for (count,) in found]


@pytest.mark.parametrize(("sql", "field", "fault"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_falls_back_to_generic_execution_in_the_same_snapshot_and_is_counted(
    registry, sql: str, field: str, fault: str
):
    damage(registry, sql)

    async with InterruptedScope(
        db=registry.db, cursor_key=b"key", viewer=OPERATOR, registry=registry
    ) as ctx:
        found = await registry.answered(ctx, NAMES % field)
    after = await registry.asked("{ contexts { nodes { name } } }")

    assert found.fallback_reason == f"fault: {fault}"
    assert {node["name"] for node in found.data["contexts"]["nodes"]} == {"c1", "c2", "c3"}
    assert [error.path[-1] for error in found.errors] == [field]
    assert (registry.executor.compiled, dict(registry.executor.generic)) == (
        1,
        {f"fault: {fault}": 1},
    )
    assert registry.answer["contexts"]["nodes"][0]["name"].startswith("changed ")
    assert len(after) == 1


@pytest.mark.parametrize(("sql", "field", "_fault"), FAULTS.values(), ids=FAULTS)
async def test_a_fallback_gives_the_answer_of_generic_execution(
    registry, sql: str, field: str, _fault: str
):
    damage(registry, sql)

    expected = await by_generic_execution(registry, NAMES % field)
    found = await answered(registry, NAMES % field)

    assert found.data == expected.data
    assert told(found.errors) == told(expected.errors)


async def test_a_fault_matters_only_if_its_field_is_selected(registry):
    for sql, _, _ in FAULTS.values():
        damage(registry, sql)

    asked = await registry.asked("{ actors { nodes { chittyId displayName } } }")

    assert len(asked) == 1


async def test_a_required_reference_that_leads_nowhere_falls_back(registry):
    with elsewhere(registry.db.path) as connection:
        connection.execute("UPDATE contexts SET owner_chitty_id = 'CHITTY-ACTOR-000009-AAAA'")

    found = await answered(registry, "{ contexts { nodes { owner { id } } } }")

    assert found.fallback_reason == "fault: Unreadable"
    assert found.data == {"contexts": None}
    assert found.errors[0].path == ["contexts", "nodes", 0, "owner"]


@pytest.mark.not_on("rqlite", "it gives BLOBs, which another program has stored, as text")
async def test_a_server_counts_compiled_operations_and_fallbacks_by_reason(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        await api.put(
            "INSERT INTO actors (chitty_id, actor_type, email, created_at, updated_at)"
            " VALUES ('CHITTY-ACTOR-ADA', 'human', x'ff00', '2026', '2026')"
        )
        await api.ask("{ actors { nodes { id } } }")
        await api.ask("{ actors { totalCount } viewer { capabilities } }")
        await api.ask("{ __typename __schema { queryType { name } } }")
        await api.ask("{ actors { totalCount } __schema { queryType { name } } }")
        faulty = await api.post("{ actors { nodes { email } } }")
        refused = await api.post("{ actors { nodes { nmae } } }")
        executor = api.service.operations.executor

    assert [error["extensions"]["code"] for error in faulty["errors"]] == ["UNREADABLE"]
    assert "data" not in refused
    assert executor.compiled == 3
    assert dict(executor.generic) == {"introspection": 1, "fault: EngineError": 1}


@pytest.mark.parametrize("beside", ["", "__typename"])
async def test_introspection_falls_back_and_says_why(registry, beside):
    found = await answered(registry, f"{{ __schema {{ queryType {{ name }} }} {beside} }}")

    assert found.fallback_reason == "introspection"
    assert found.data
    assert found.data["__schema"] == {"queryType": {"name": "Query"}}
    assert dict(registry.executor.generic) == {"introspection": 1}


async def test_nothing_of_an_operation_that_falls_back_is_kept(registry):
    """Its plan is: once as an exception, which kept the frames of every request, with their responses."""

    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, OperationResult) for each in gc.get_objects())

    before = kept()
    for _ in range(3):
        await answered(registry, "{ __schema { queryType { name } } }")

    assert kept() == before


async def test_fields_beside_introspection_are_read_by_a_plan_and_keep_the_documents_order(
    registry,
):
    query = """
        query Both($name: String!) {
          before: actors { totalCount }
          ...Described
          after: contexts { nodes { name } }
          kind: __type(name: $name) { fields { name } }
        }
        fragment Described on Query { __schema { queryType { name } } kind: __type(name: $name) { name } }
    """

    expected = await by_generic_execution(registry, query, name="Actor")
    found = await answered(registry, query, name="Actor")

    assert found.fallback_reason is None
    assert orjson.dumps(found.data) == orjson.dumps(expected.data)
    assert registry.executor.compiled == 1


async def test_introspection_that_fails_makes_the_whole_operation_fall_back(registry):
    query = 'query ($name: String = "Actor") { actors { totalCount } __type(name: $name) { name } }'

    expected = await by_generic_execution(registry, query, name=None)
    found = await answered(registry, query, name=None)

    assert found.fallback_reason == "introspection"
    assert found.data == expected.data == {"actors": {"totalCount": 3}, "__type": None}
    assert [error.message for error in found.errors] == [error.message for error in expected.errors]


async def test_both_executions_refuse_more_rows_than_an_operation_may_read(registry, monkeypatch):
    for module in (loaders, plan):  # a smaller limit, which takes less time to exceed
        monkeypatch.setattr(module, "ROWS_PER_OPERATION", 15_000)
    await fill_pages(registry)
    pages = "p: connections(first: 100) { nodes { id } } q: connections(first: 99) { nodes { id } }"
    query = "{ contexts(first: 100) { nodes { %s } } }"

    expected = await by_generic_execution(registry, query % pages)
    found = await answered(registry, query % pages)
    few = await registry.asked(query % "connections(first: 100) { nodes { id } }")

    assert found.fallback_reason == "fault: BadRequest"
    assert {getattr(error.original_error, "code", "") for error in found.errors} == {
        "TOO_MANY_ROWS"
    }
    assert {error.message for error in found.errors} == {error.message for error in expected.errors}
    assert len(few) == 2


async def fill_pages(registry: RecordedRegistry) -> None:
    """A hundred contexts, each with a hundred connections."""
    with elsewhere(registry.db.path) as connection:
        connection.execute("DELETE FROM connections")
        connection.execute("DELETE FROM contexts")
        connection.execute("""
            WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 100)
            INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
            SELECT 'CHITTY-CONTEXT-' || n, 'c' || n, 'CHITTY-ACTOR-000001-AAAA', '2026', '2026' FROM up
        """)
        connection.execute("""
            WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 100)
            INSERT INTO connections
                (connection_id, source_chitty_id, source_type, target_service, created_at, updated_at)
            SELECT chitty_id || '-' || n, chitty_id, 'context', n, '2026', '2026' FROM contexts, up
        """)


SEEN = 'recordActorSeen(input: { chittyId: "CHITTY-ACTOR-%06d-AAAA", newSession: true })'


@pytest.mark.parametrize("selection", ["actorType", "contexts { nodes { owner { actorType } } }"])
async def test_a_mutation_whose_payload_meets_a_fault_is_performed_once(registry, selection: str):
    damage(registry, "UPDATE actors SET actor_type = 'robot'")

    found = await answered(
        registry, f"mutation {{ {SEEN % 1} {{ actor {{ sessionCount {selection} }} }} }}"
    )

    assert found.fallback_reason == "fault: Unreadable"
    assert [error.message for error in found.errors] == [
        "actors 'CHITTY-ACTOR-000001-AAAA': actor_type: the stored value is no ActorType"
    ]
    assert found.errors[0].path[:2] == ["recordActorSeen", "actor"]
    assert await sessions(registry) == [1, 0, 0]


async def test_a_fault_in_one_of_several_mutations_leaves_the_others_unharmed(registry):
    damage(registry, "UPDATE actors SET email = x'ff00'")
    fields = [f"n{n}: {SEEN % n} {{ actor {{ sessionCount email }} }}" for n in (2, 1, 3)]

    found = await answered(registry, f"mutation {{ {' '.join(fields)} }}")

    assert found.fallback_reason == "fault: Unreadable"
    assert [error.path for error in found.errors] == [["n1", "actor", "email"]]
    assert found.data == {
        "n2": {"actor": {"sessionCount": "1", "email": None}},
        "n1": {"actor": {"sessionCount": "1", "email": None}},
        "n3": {"actor": {"sessionCount": "1", "email": None}},
    }
    assert await sessions(registry) == [1, 1, 1]


async def test_each_of_several_mutations_sees_what_those_before_it_wrote(registry):
    damage(registry, "UPDATE actors SET email = x'ff00'")
    fields = [f"n{n}: {SEEN % 1} {{ actor {{ email sessionCount }} }}" for n in (1, 2)]
    later = f"n3: {SEEN % 1} {{ actor {{ sessionCount }} }}"

    found = await answered(registry, f"mutation {{ {' '.join(fields)} {later} }}")

    counts = [found.data[key]["actor"]["sessionCount"] for key in ("n1", "n2", "n3")]
    assert counts == ["1", "2", "3"]
    assert await sessions(registry) == [3, 0, 0]


async def test_a_mutation_that_fails_is_not_tried_again(registry):
    with elsewhere(registry.db.path) as connection:
        connection.execute("DROP TABLE contexts")

    async with WritingScope(db=registry.db, cursor_key=b"key", viewer=OPERATOR) as ctx:
        found = await registry.answered(
            ctx,
            """mutation { createContext(input: { name: "new", owner: "CHITTY-ACTOR-000001-AAAA" }) {
                errors { code } } }""",
        )

    assert ctx.writes == 1
    assert [error.path for error in found.errors] == [["createContext"]]
    assert "no such table" in str(found.errors[0].original_error)


@pytest.mark.parametrize("directive", ["skip", "include"])
@pytest.mark.parametrize(
    "document",
    [
        "query($if: Boolean = true) { actors @%s(if: $if) { totalCount } }",
        "query($if: Boolean = true) { actors { totalCount @%s(if: $if) } }",
        "query($if: Boolean = true) { actors { ...on ActorConnection @%s(if: $if) { totalCount } } }",
        "mutation($if: Boolean = true) { a: __typename @%s(if: $if) }",
    ],
)
async def test_null_for_a_directives_condition_is_the_clients_error_in_both_executions(
    tmp_path: Path, document: str, directive: str
):
    sent = {"query": document % directive, "variables": {"if": None}}

    said = []
    for compiled in (True, False):
        async with running(tmp_path / f"{compiled}.db", compiled=compiled) as api:
            answer = await api.client.post("/graphql", json=sent)
        assert answer.status_code == 200
        said.append(answer.json())

    assert said[0] == said[1]
    assert "'$if' provided to non-null type 'Boolean!'" in said[0]["errors"][0]["message"]
