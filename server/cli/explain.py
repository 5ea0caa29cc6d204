"""`chittygraph explain`: how a GraphQL query is executed, and its SQL statements."""

import argparse
import asyncio
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.cli import options
from server.cli.complaints import FAILED, MISUSED, complain
from server.settings import Settings

if TYPE_CHECKING:
    from resolvers.recording_context import RecordingContext
    from schema.execution.executor import OperationResult
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(
        commands,
        "explain",
        "say how a GraphQL query is executed, its SQL statements and their query plans",
    )
    parser.add_argument("file", type=Path, help="A file with a GraphQL document; - for stdin.")
    parser.add_argument("--variables", default="{}", help="The variables, as a JSON object.")
    parser.add_argument("--operation", help="The operation, where the document has several.")
    options.add_settings(parser, {"database", "compiled", "page_max", "page_default"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the query, which changes nothing, and print what it did; raises BootRefused, OSError."""
    from db.model import strict_json
    from schema.errors import RequestRefused  # building the schema is slow

    try:
        text = _text(args.file)
    except ValueError:
        return complain(f"{args.file} is not a text in UTF-8")
    try:
        variables = strict_json.read(args.variables.encode())
        if not isinstance(variables, dict):
            raise ValueError("it is something else")
    except ValueError as error:
        return complain(f"--variables must be a JSON object: {error}", MISUSED)
    settings = options.settings_of(args)
    try:
        told = asyncio.run(_explain(settings, text, variables, args.operation))
    except RequestRefused as refused:
        for problem in refused.errors:
            places = "".join(
                f" (line {at.line}, column {at.column})" for at in problem.locations or ()
            )
            complain(problem.message + places)
        return FAILED
    print(told)
    return 0


def _text(file: Path) -> str:
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    return raw.decode("utf-8")


async def _explain(
    settings: Settings, text: str, variables: dict[str, Any], name: str | None
) -> str:
    from db.open_database import open_database
    from db.queries import cursors
    from db.sqlite import query_plans
    from resolvers.permissions import OPERATOR
    from resolvers.recording_context import RecordingContext
    from schema.errors import RequestRefused
    from schema.execution.documents import Documents
    from schema.execution.executor import Executor
    from server.service import limits, policy

    documents = Documents(introspection=True, limits=limits(settings), policy=policy(settings))
    document = documents.prepare(text)
    operation = document.operation(name)
    if not operation.is_query:
        raise RequestRefused.because("NOT_A_QUERY", "only a query can be explained: it is run")
    db = await open_database(
        settings.database, migrate=False, readers=1, read_seconds=settings.read_seconds
    )
    try:
        # Where no server ever ran there is no key, nor a cursor that it could authenticate.
        key = await db.read(cursors.stored_key()) or secrets.token_bytes(cursors.KEY_BYTES)
        async with RecordingContext(
            db=db, cursor_key=key, viewer=OPERATOR, policy=policy(settings)
        ) as ctx:
            executor = Executor(compile_operations=settings.compiled)
            result = await executor.execute(document, operation, ctx, variables)
        plans = await db.read(query_plans.of([asked.statement for asked in ctx.recorded]))
        return _told(result, ctx, plans)
    finally:
        await db.close()


def _told(result: "OperationResult", ctx: "RecordingContext", plans: list[list[str]]) -> str:
    why = result.fallback_reason
    lines = [f"execution: generic ({why})" if why else "execution: compiled"]
    lines += [f"error: {error.message}" for error in result.errors]
    lines.append(f"statements: {len(ctx.recorded)}")
    for number, (asked, steps) in enumerate(zip(ctx.recorded, plans, strict=True), 1):
        sql, binds = ctx.viewer.security.of(asked.statement)
        bind = json.dumps(dict(binds), default=str, ensure_ascii=False)
        lines += [
            "",
            f"{number}. batch: {asked.batch}, rows: {asked.rows}",
            sql,
            f"   with {bind[:500]}",
            "   plan:",
            *(f"     {step}" for step in steps),
        ]
    return "\n".join(lines)
