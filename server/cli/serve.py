"""`chittygraph serve`: migrate the database and serve requests until stopped."""

import argparse
import errno
import logging
import signal
import socket
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from db.migrating import migrator
from db.sqlite import library
from server.cli import demo, messages, options
from server.setting_fields import InvalidSetting
from server.settings import Settings
from server.telemetry import logs, worker_exchange
from server.transport import process

if TYPE_CHECKING:
    import asyncio

    import uvicorn
    from starlette.applications import Starlette

    from server.cli.options import Commands

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 5


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "serve",
        "start the server, after migrating the database",
        details="Ctrl-C or SIGTERM stops it.",
        examples=(
            "serve --demo",
            "serve --database registry.db --port 9000",
            "serve --auth protected --host 0.0.0.0 --workers 4",
        ),
    )
    parser.add_argument(
        "--demo", action="store_true", help="First fill an empty registry with demonstration data."
    )
    options.add_settings(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; 1 if a worker cannot start. Raises BootRefused, OSError."""
    # uvicorn raises the signal again after shutting down: stopping by SIGTERM is a success, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = _with_safe_workers(options.settings_of(args))
    logs.configure(settings.log_format, settings.log_level)
    # First, since a bad file or a port in use must not leave a migrated database behind.
    if settings.documents:
        _check_documents(settings)
    with listen(settings) as listener:
        applied = migrator.migrate(settings.database_path)
        log.info(
            "database ready",
            extra={
                "database": str(settings.database_path),
                "migrations_applied": len(applied),
                "sqlite": library.VERSION,
                "sqlite_from": library.SOURCE,
            },
        )
        if args.demo:
            print(demo.describe(settings.database_path, demo.fill(settings.database_path)))
        _announce(settings, listener)
        return _serve(settings, listener)


def listen(settings: Settings) -> socket.socket:
    """A socket that listens on the settings' address; raises OSError, which names the address."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise OSError(f"{where} is in use: choose another with --port") from error
        raise OSError(f"cannot listen on {where}: {error.strerror}") from error
    except UnicodeError:
        raise InvalidSetting(f"{settings.host!r} is not a host name or address") from None


def worker_app(settings: Settings, index: int) -> "Starlette":
    """The application of a worker process, whose `index` counts from 0."""
    from uvicorn.config import STARTUP_FAILURE

    from server.app import create_app

    logs.configure(settings.log_format, settings.log_level)
    try:
        app = create_app(settings)
    except InvalidSetting as error:  # a restarted worker reads the persisted documents again
        log.error("worker cannot start", extra={"reason": str(error)})
        sys.exit(STARTUP_FAILURE)
    if settings.pin_cpus:
        process.pin_to_cpu(index)
    process.tune_memory()
    return app


def _check_documents(settings: Settings) -> None:
    from server.app import create_app

    create_app(settings)  # raises InvalidSetting, as every worker would


def _with_safe_workers(settings: Settings) -> Settings:
    if settings.workers > 1 and not library.IS_SAFE_FOR_SEVERAL_WRITERS:
        messages.note(
            f"SQLite {library.VERSION} can corrupt a file that several processes write (fixed in"
            " 3.51.3), so only one worker is started"
        )
        return replace(settings, workers=1)
    return settings


def _announce(settings: Settings, listener: socket.socket) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{listener.getsockname()[1]}/graphql"
    print(f"Serving {url} (Ctrl-C stops it)", flush=True)


def _serve(settings: Settings, listener: socket.socket) -> int:
    import uvicorn

    from server.transport import workers

    configs = [_config(settings, index) for index in range(settings.workers)]
    try:
        if settings.workers == 1:
            uvicorn.Server(configs[0]).run([listener])
            return 0
        with (
            workers.listeners(listener, settings.workers) as listeners,
            worker_exchange.socket_folder(),
        ):
            supervisor = workers.WorkerSupervisor(configs, listeners)
            supervisor.run()
        return messages.FAILED if supervisor.failed else 0
    except KeyboardInterrupt:
        return 0
    except SystemExit as exit_:  # by SIGTERM, or by uvicorn if the application could not start
        return messages.FAILED if exit_.code else 0
    finally:
        log.info("server stopped")


def _config(settings: Settings, index: int) -> "uvicorn.Config":
    import uvicorn

    from server.app import GRAPHQL
    from server.transport.connection_limits import ConnectionLimits
    from server.transport.http_protocol import HTTPProtocol
    from server.transport.timeouts import ClientLimits
    from server.transport.websocket_protocol import WebSocketProtocol

    limits = ClientLimits(
        head_seconds=settings.head_seconds,
        body_seconds=settings.body_seconds,
        response_seconds=settings.answer_seconds,
        idle_seconds=settings.idle_seconds,
        connections=ConnectionLimits(settings.peer_sockets),
    )
    return uvicorn.Config(
        partial(worker_app, settings, index),
        http=_protocol(partial(HTTPProtocol, limits, GRAPHQL)),
        ws=_protocol(partial(WebSocketProtocol, limits)),
        ws_max_size=settings.max_body_bytes,
        ws_per_message_deflate=False,
        factory=True,
        workers=1,  # WorkerSupervisor runs one such server for each
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _protocol(factory: object) -> "type[asyncio.Protocol]":
    return cast("type[asyncio.Protocol]", factory)  # uvicorn only calls it
