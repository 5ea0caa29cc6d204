"""`chittygraph explain`: how a GraphQL query is executed, with its SQL statements and their plans."""

import argparse
import asyncio
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.cli import options
from server.cli.output import messages
from server.settings import Settings

if TYPE_CHECKING:
    from server.cli.options import Commands
    from server.cli.output.explanation import Explanation


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "explain",
        "run a GraphQL query and show its SQL statements and their query plans",
        details="Also shows whether it was compiled, and if not, why.",
        examples=(
            "explain query.graphql",
            """explain query.graphql --variables '{"first": 5}'""",
            "explain - < query.graphql",
            "explain query.graphql --dot | dot -Tsvg > plan.svg",
        ),
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="A file with a GraphQL document; - for stdin."
    )
    parser.add_argument(
        "--variables", default="{}", metavar="JSON", help="The variables, as a JSON object."
    )
    parser.add_argument(
        "--operation", metavar="NAME", help="The operation to run, if the document has several."
    )
    parser.add_argument(
        "--dot", action="store_true", help="Print a graph in the DOT language of Graphviz."
    )
    options.add_settings(parser, {"database", "compiled", "page_max", "page_default"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the query and print what it did; raises BootRefused, OSError."""
    from db.model import strict_json
    from schema.errors import RequestRefused  # building the schema is slow
    from server.cli.output import explanation, plan_graph

    try:
        text = _text(args.file)
    except ValueError:
        return messages.error(f"{args.file} is not UTF-8")
    try:
        variables = strict_json.read(args.variables.encode())
        if not isinstance(variables, dict):
            raise ValueError("it is another value")
    except ValueError as error:
        return messages.error(f"--variables must be a JSON object: {error}", messages.USAGE_ERROR)
    settings = options.settings_of(args)
    try:
        explained = asyncio.run(_explain(settings, text, variables, args.operation))
    except RequestRefused as refused:
        for problem in refused.errors:
            places = "".join(
                f" (line {at.line}, column {at.column})" for at in problem.locations or ()
            )
            messages.error(problem.message + places)
        return messages.FAILED
    print(plan_graph.dot(explained) if args.dot else explanation.text(explained))
    return 0


def _text(file: Path) -> str:
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    return raw.decode("utf-8")


async def _explain(
    settings: Settings, text: str, variables: dict[str, Any], name: str | None
) -> "Explanation":
    from db.open_database import open_database
    from db.queries import cursors
    from db.sqlite import query_plans
    from resolvers.permissions import OPERATOR
    from resolvers.recording_context import RecordingContext
    from schema.errors import RequestRefused
    from schema.execution.documents import Documents
    from schema.execution.executor import Executor
    from server.cli.output import explanation
    from server.service import limits, policy

    documents = Documents(introspection=True, limits=limits(settings), policy=policy(settings))
    document = documents.prepare(text)
    operation = document.operation(name)
    if not operation.is_query:
        raise RequestRefused.because(
            "NOT_A_QUERY", "only a query can be explained, since it is run"
        )
    db = await open_database(
        settings.database,
        migrate=False,
        to_write=False,
        readers=1,
        read_seconds=settings.read_seconds,
    )
    try:
        # Before the first server start there is no key, and no cursor that it could authenticate.
        key = await db.read(cursors.stored_key()) or secrets.token_bytes(cursors.KEY_BYTES)
        async with RecordingContext(
            db=db, cursor_key=key, viewer=OPERATOR, policy=policy(settings)
        ) as ctx:
            executor = Executor(compile_operations=settings.compiled)
            result = await executor.execute(document, operation, ctx, variables)
        plans = await db.read(query_plans.of([recorded.statement for recorded in ctx.recorded]))
        return explanation.of(operation.name, result, ctx, plans)
    finally:
        await db.close()
