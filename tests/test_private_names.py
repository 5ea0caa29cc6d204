"""Names of libraries that their documentation does not promise: each is listed once, and still there.

A library may move or drop such a name in any release. Whoever upgrades one reads here what to look at.
"""

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from typing import Any

import pytest

from tests.support.paths import ROOT, source_files

PACKAGES = ("db", "resolvers", "schema", "server")
LIBRARIES = ("aiosqlite", "argparse", "graphql", "logging", "pysqlite3", "strawberry", "uvicorn")
# What the libraries' documentation imports from; from other modules each name is listed.
DOCUMENTED = {
    *(
        "aiosqlite",
        "argparse",
        "graphql",
        "graphql.language",
        "logging",
        "pysqlite3",
        "pysqlite3.dbapi2",
    ),
    *("strawberry", "strawberry.extensions", "strawberry.schema.config", "strawberry.types"),
    *("strawberry.schema.name_converter", "uvicorn"),
}
NAMEDTUPLE = {"_asdict", "_fields", "_make", "_replace"}  # these are documented

HTTP = "uvicorn.protocols.http.httptools_impl"
WEBSOCKETS = "uvicorn.protocols.websockets.websockets_sansio_impl"
# Who has the names (a module, or a class in it), the names, and the file of ours that uses them.
NAMES: list[tuple[str, str, str]] = [
    ("aiosqlite:Connection", "_conn _tx", "db/sqlite/connection_thread.py"),
    ("argparse", "_SubParsersAction", "server/cli/__init__.py"),
    ("argparse", "_SubParsersAction", "server/cli/completion.py"),
    ("argparse", "_SubParsersAction", "server/cli/options.py"),
    ("logging", "_srcfile", "server/telemetry/logs.py"),
    ("strawberry:Schema", "_schema", "schema/built.py"),
    ("strawberry.types:Info", "_raw_info", "schema/groups.py"),
    ("strawberry.types:Info", "_raw_info", "schema/pages.py"),
    ("strawberry.schema.schema_converter", "GraphQLCoreConverter", "schema/fields/sources.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/groups.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/references.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/searching.py"),
    ("strawberry.types.scalar", "ScalarDefinition", "schema/fields/scalars.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/fields/changed_fields.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/fields/fields.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/filter_reader.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/payloads.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/webhook_filters.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/groups.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/references.py"),
    ("strawberry.utils.str_converters", "to_camel_case", "schema/searching.py"),
    (
        "graphql.execution.get_variable_signature",
        "GraphQLVariableSignature get_variable_signature",
        "schema/execution/variables.py",
    ),
    (
        "graphql.execution.values",
        "VariableValues VariableValueSource",
        "schema/execution/variables.py",
    ),
    (
        "graphql.utilities.coerce_input_value",
        "coerce_default_value",
        "schema/execution/variables.py",
    ),
    ("graphql.execution.values", "VariableValues", "schema/execution/executor.py"),
    ("graphql.execution.values", "VariableValues", "schema/execution/events.py"),
    ("graphql.execution.values", "VariableValues", "schema/compiled/plan.py"),
    ("graphql.execution.values", "VariableValues", "schema/fields/collect_fields.py"),
    (
        "graphql.validation.rules",
        "overlapping_fields_can_be_merged",
        "schema/execution/documents.py",
    ),
    ("graphql.validation.validate", "ValidationAbortedError", "schema/errors.py"),
    ("graphql.validation.validate", "ValidationAbortedError", "schema/execution/documents.py"),
    ("uvicorn._types", "ASGI3Application", "server/transport/timeouts.py"),
    ("uvicorn.config", "STARTUP_FAILURE", "server/cli/serve.py"),
    (HTTP, "HttpToolsProtocol RequestResponseCycle STATUS_LINE", "server/transport/timeouts.py"),
    (
        f"{HTTP}:HttpToolsProtocol",
        "_start_asgi_task _unset_keepalive_if_required client connection_lost connection_made cycle"
        " flow loop on_body on_headers_complete on_message_begin on_message_complete on_response_complete"
        " pause_writing pipeline resume_writing scope shutdown timeout_keep_alive timeout_keep_alive_handler"
        " timeout_keep_alive_task transport",
        "server/transport/timeouts.py",
    ),
    (
        f"{HTTP}:HttpToolsProtocol",
        "_should_upgrade connection_lost connection_made data_received flow handle_websocket_upgrade"
        " headers loop on_headers_complete on_message_complete on_response_complete parser pipeline"
        " scope shutdown transport url",
        "server/transport/http_protocol.py",
    ),
    ("uvicorn.protocols.http.flow_control", "FlowControl", "server/transport/http_protocol.py"),
    (
        "uvicorn.protocols.http.flow_control:FlowControl",
        "read_paused resume_reading",
        "server/transport/http_protocol.py",
    ),
    ("uvicorn._types", "ASGIReceiveEvent ASGISendEvent", "server/transport/websocket_protocol.py"),
    ("uvicorn._types", "ASGI3Application", "server/transport/admission_protocol.py"),
    (HTTP, "RequestResponseCycle STATUS_LINE", "server/transport/admission_protocol.py"),
    (HTTP, "RequestResponseCycle STATUS_LINE", "server/transport/whole_response.py"),
    (
        f"{HTTP}:HttpToolsProtocol",
        "_start_asgi_task _unset_keepalive_if_required app client connection_lost data_received flow headers"
        " loop timeout_keep_alive timeout_keep_alive_handler timeout_keep_alive_task transport",
        "server/transport/admission_protocol.py",
    ),
    (WEBSOCKETS, "WebSocketsSansIOProtocol", "server/transport/websocket_protocol.py"),
    (
        f"{WEBSOCKETS}:WebSocketsSansIOProtocol",
        "client close_sent conn connection_lost connection_made data_received frames handle_cont"
        " handle_ping handshake_initiated keepalive_timeout logger loop on_task_complete pause_writing queue"
        " initial_response close_timeout handshake_complete shutdown stop_keepalive"
        " read_paused resume_writing send send_receive_event_to_app transport writable",
        "server/transport/websocket_protocol.py",
    ),
    ("uvicorn.config", "STARTUP_FAILURE", "server/transport/workers.py"),
    (
        "uvicorn.server:Server",
        "config force_exit lifespan on_tick server_state servers started startup",
        "server/transport/graceful_server.py",
    ),
]
# Of objects that our classes hold, so that no search by name finds the use.
HELD = [
    (
        f"{HTTP}:RequestResponseCycle",
        "disconnected keep_alive message_event response_complete response_started scope transport",
        "server/transport/timeouts.py",
    ),
    (
        f"{HTTP}:RequestResponseCycle",
        "keep_alive scope waiting_for_100_continue",
        "server/transport/admission_protocol.py",
    ),
    (
        f"{HTTP}:RequestResponseCycle",
        "default_headers disconnected flow keep_alive message_event on_response response_complete"
        " response_started scope send transport waiting_for_100_continue",
        "server/transport/whole_response.py",
    ),
    (f"{HTTP}:RequestResponseCycle", "more_body", "server/http/turns.py"),
]
LISTED = [(owner, name, path) for owner, names, path in NAMES for name in names.split()]


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Each file of the code, with its path."""
    for path in source_files(*PACKAGES):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in NAMEDTUPLE


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The undocumented names that a file imports from the libraries: each with its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] in LIBRARIES:
            for alias in node.names:
                is_documented = node.module in DOCUMENTED and not is_private(alias.name)
                if not is_documented and f"{node.module}.{alias.name}" not in DOCUMENTED:
                    yield node.module, alias.name
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in LIBRARIES and alias.name not in DOCUMENTED:
                    yield alias.name, ""


def defined(tree: ast.AST) -> set[str]:
    """The names that code defines or assigns, be it on an object."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Attribute(ctx=ast.Store(), value=ast.Name(id="self" | "cls")):
                names.add(node.attr)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.Constant(value=str(text)):  # as in __slots__, and object.__setattr__
                names.add(text)
    return names


def attributes(tree: ast.Module) -> Iterator[str]:
    """The private attributes of objects other than `self` that a file uses and does not define."""
    used = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and is_private(node.attr) and not _is_mine(node.value)
    ]
    names = defined(tree) if used else set()
    yield from (name for name in used if name not in names)


def _is_mine(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")  # see `inherited`


def inherited(path: str, tree: ast.Module) -> Iterator[tuple[type, str]]:
    """What subclasses of uvicorn's classes use or override of them, with the class that has it."""
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    for node in [each for each in tree.body if isinstance(each, ast.ClassDef)]:
        line = inspect.getmro(getattr(module, node.name))
        bases = [base for base in line if base.__module__.startswith("uvicorn.")]
        used = {each.name for each in node.body if isinstance(each, ast.FunctionDef)} | {
            each.attr
            for each in ast.walk(node)
            if isinstance(each, ast.Attribute) and is_own(each.value)
        }
        for name in used:
            owner = next((base for base in bases if has(base, name)), None)
            if owner is not None and not name.endswith("__"):
                yield owner, name


def is_own(value: ast.expr) -> bool:
    """Whether it is `self` or `super()`."""
    match value:
        case ast.Name(id="self") | ast.Call(func=ast.Name(id="super"), args=[], keywords=[]):
            return True
    return False


source_of = functools.cache(inspect.getsource)


def has(owner: Any, name: str) -> bool:
    """Whether a module or class has a name, be it of a field or of an attribute that a method sets."""
    if hasattr(owner, name) or not isinstance(owner, type):
        return hasattr(owner, name)
    library = owner.__module__.partition(".")[0]
    return any(
        name in inspect.get_annotations(base) or re.search(rf"\bself\.{name}\b", source_of(base))
        for base in inspect.getmro(owner)
        if base.__module__.partition(".")[0] == library
    )


def find(owner: str) -> Any:
    """A module, or a class by its module and name; None where there is none any more."""
    module, _, name = owner.partition(":")
    try:
        found = importlib.import_module(module)
    except ImportError:
        return None
    return getattr(found, name, None) if name else found


def installed(owner: str) -> str:
    """The library that has it, with its version."""
    package = owner.partition(".")[0].partition(":")[0]
    distributions = packages_distributions().get(package)
    return f"{package} {version(distributions[0])}" if distributions else f"Python's {package}"


def missing(owner: str, name: str, path: str) -> str | None:
    """What to say when a listed name is there no more."""
    found = find(owner)
    if found is not None and has(found, name):
        return None
    return f"{installed(owner)} no longer has {owner.replace(':', '.')}.{name}, which {path} uses"


@pytest.mark.parametrize(
    ("owner", "name", "path"),
    [*LISTED, *((owner, name, path) for owner, names, path in HELD for name in names.split())],
)
def test_a_listed_name_is_still_there(owner: str, name: str, path: str):
    problem = missing(owner, name, path)

    assert problem is None, problem


def test_a_name_that_has_moved_is_told_with_the_library_and_the_file_that_uses_it():
    told = missing(f"{HTTP}:HttpToolsProtocol", "_moved", "server/transport/timeouts.py")
    gone = missing("uvicorn.gone", "Gone", "server/cli/serve.py")

    assert told == (
        f"uvicorn {version('uvicorn')} no longer has {HTTP}.HttpToolsProtocol._moved,"
        " which server/transport/timeouts.py uses"
    )
    assert gone.endswith("no longer has uvicorn.gone.Gone, which server/cli/serve.py uses")


def test_every_name_that_the_code_uses_is_listed_and_no_other():
    imported, held, taken = set(), set(), set()
    for path, tree in modules():
        imported |= {(module, name, path) for module, name in imports(tree)}
        held |= {(name, path) for name in attributes(tree)}
        taken |= {
            (f"{owner.__module__}:{owner.__name__}", name, path)
            for owner, name in inherited(path, tree)
        }
    of_objects = {
        each for each in LISTED if (each[1], each[2]) in held and each not in imported | taken
    }

    assert {(name, path) for _, name, path in of_objects} == held
    assert set(LISTED) - of_objects == imported | taken


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from uvicorn._types import Scope", {("uvicorn._types", "Scope")}),
        ("from uvicorn.protocols import utils", {("uvicorn.protocols", "utils")}),
        ("import strawberry.printer", {("strawberry.printer", "")}),
        ("from logging import _srcfile", {("logging", "_srcfile")}),
        ("from graphql import GraphQLError", set()),
        ("from graphql.language import Visitor", set()),
    ],
)
def test_an_import_of_an_undocumented_name_is_found(code: str, expected: set[tuple[str, str]]):
    assert set(imports(ast.parse(code))) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("connection._conn.execute(sql)", {"_conn"}),
        ("logging._srcfile = None", {"_srcfile"}),
        ("row._replace(name='x')", set()),
        ("class A:\n    def __init__(self): self._a = 1\n    def f(self, other): other._a", set()),
    ],
)
def test_a_private_attribute_of_something_else_is_found(code: str, expected: set[str]):
    assert set(attributes(ast.parse(code))) == expected
