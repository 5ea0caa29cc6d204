"""`chittygraph explain`: which road a GraphQL query takes, and what it asks of the database."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.cli import options
from server.settings import Settings

if TYPE_CHECKING:
    from resolvers.explained import ExplainedScope
    from schema.roads import Answered
    from server.cli.options import Commands

MISUSED = 2


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(
        commands, "explain", "say which road a GraphQL query takes and which statements it makes"
    )
    parser.add_argument("file", type=Path, help="A file with a GraphQL document; - for stdin.")
    parser.add_argument("--variables", default="{}", help="The variables, as a JSON object.")
    parser.add_argument("--operation", help="The operation, where the document has several.")
    options.add_settings(parser, {"database", "compiled", "page_max", "page_default"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the query, which only reads, and print what it did; raises BootRefused, OSError."""
    from schema.errors import RequestRefused  # building the schema is slow

    text = sys.stdin.read() if str(args.file) == "-" else args.file.read_text(encoding="utf-8")
    try:
        variables = json.loads(args.variables)
        if not isinstance(variables, dict):
            raise ValueError("not an object")
    except ValueError as error:
        print(f"chittygraph: --variables must be a JSON object: {error}", file=sys.stderr)
        return MISUSED
    settings = options.settings_of(args)
    try:
        answered, scope = asyncio.run(_explain(settings, text, variables, args.operation))
    except RequestRefused as refused:
        for problem in refused.errors:
            print(f"chittygraph: {problem}", file=sys.stderr)
        return 1
    print(_told(answered, scope))
    return 0


async def _explain(
    settings: Settings, text: str, variables: dict[str, Any], operation: str | None
) -> "tuple[Answered, ExplainedScope]":
    from db import cursors
    from db.database import Database
    from resolvers.explained import ExplainedScope
    from schema.errors import RequestRefused
    from schema.execution import Documents
    from schema.roads import Roads
    from server.graphql import rules

    prepared = Documents(introspection=True).prepare(text)
    if not prepared.is_query(operation):
        raise RequestRefused.because("NOT_A_QUERY", "only a query can be explained: it is run")
    db = await Database.open(settings.database_path, readers=1, read_seconds=settings.read_seconds)
    try:
        key = await db.write(cursors.key())
        async with ExplainedScope(db=db, cursor_key=key, settings=rules(settings)) as scope:
            roads = Roads(compile_operations=settings.compiled)
            return await roads.answer(prepared, scope, variables, operation), scope
    finally:
        await db.close()


def _told(answered: "Answered", scope: "ExplainedScope") -> str:
    why = answered.why_generic
    lines = [f"road: generic ({why})" if why else "road: compiled"]
    lines += [f"error: {error.message}" for error in answered.errors]
    lines.append(f"statements: {len(scope.asked)}")
    for number, asked in enumerate(scope.asked, 1):
        bind = json.dumps(dict(asked.statement.bind), default=str, ensure_ascii=False)
        lines += ["", f"{number}. rows: {asked.rows}", asked.statement.sql, f"   with {bind[:500]}"]
    return "\n".join(lines)
