"""`chittygraph serve`: migrate the database and serve requests until stopped."""

import argparse
import errno
import logging
import multiprocessing
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from db.errors import BootRefused
from db.sqlite import library
from server.cli import booting, demo, options, signals
from server.cli.output import messages
from server.cli.output.announcement import Announcement
from server.setting_fields import InvalidSetting
from server.settings import Settings
from server.telemetry import logs, python_reports, worker_exchange
from server.transport import listening, process
from server.transport.hang_up import HangUp

if TYPE_CHECKING:
    import asyncio

    import uvicorn
    from starlette.applications import Starlette

    from server.cli.options import Commands

log = logging.getLogger(__name__)

MAX_MESSAGES_BYTES = 32 * 2**20  # of all WebSockets of a worker
MAX_UNSENT_BYTES = 64 * 2**20  # to all clients of a worker


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
            "serve --replica-of s3://bucket/registry --primary https://registry.example",
        ),
    )
    parser.add_argument(
        "--demo", action="store_true", help="First fill an empty registry with sample data."
    )
    options.add_settings(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; 1 if a worker cannot start. Raises BootRefused, OSError."""
    if signals.in_own_process():
        process.postpone_collection()
    # uvicorn raises the signal again after shutting down: stopping by SIGTERM is a success, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    hang_up = HangUp()
    with hang_up.handled():
        return _start(args, hang_up)


def _start(args: argparse.Namespace, hang_up: HangUp) -> int:
    warnings: list[str] = []  # logged once the settings say how
    settings = options.settings_of(args, warnings.append)
    logs.configure(settings.log_format, settings.log_level)
    if signals.in_own_process():
        python_reports.take_over()
    for reason in warnings:
        log.warning("service variables ignored", extra={"reason": reason})
    settings = _with_safe_workers(settings)
    # First, since a bad file or a port in use must not leave a migrated database behind.
    if settings.documents or settings.root_path:
        _check_app(settings)
    if settings.replica_of:
        return _start_replica(args, settings, hang_up)
    with listen(settings) as listener:
        done = booting.boot(settings)
        # A terminal shows the same a moment later.
        is_announced = logs.is_text(settings.log_format, sys.stderr)
        log.log(
            logging.DEBUG if is_announced else logging.INFO,
            "database ready",
            extra={
                "database": str(settings.address),
                "migrations_applied": done.applied,
                **done.engine,
            },
        )
        added = demo.fill(settings.database) if args.demo else None
        found = booting.look(settings)
        booting.warn_of_clock(found.newest)
        announcement = Announcement(
            settings=settings,
            port=listener.getsockname()[1],
            applied=done.applied,
            is_new=done.is_new,
            has_keys=settings.auth == "protected" and found.has_keys,
            added=added.counts if added else {},
            setting_file=options.setting_file_of(args),
        )
        return _serve(settings, listener, hang_up, announcement)


def _start_replica(args: argparse.Namespace, settings: Settings, hang_up: HangUp) -> int:
    """Serve a copy, which is neither checked nor migrated: what it holds is the primary's."""
    from server.replica import litestream
    from server.replica.following import following

    if args.demo:
        raise InvalidSetting(
            "--demo fills a registry, which no replica does: use it on the primary"
        )
    if settings.database_path.exists():
        raise BootRefused(
            f"{settings.database_path} is a registry of its own, which a replica must not hide: give another"
            " path, beside which the copy is kept"
        )
    program = litestream.find(settings.litestream)
    with listen(settings) as listener, following(settings, program):
        log.info(
            "replica starts", extra={"copy_of": litestream.without_secrets(settings.replica_of)}
        )
        announcement = Announcement(
            settings=settings,
            port=listener.getsockname()[1],
            applied=0,
            is_new=False,
            has_keys=True,
            added={},
            setting_file=options.setting_file_of(args),
            copy_of=litestream.without_secrets(settings.replica_of),
        )
        return _serve(settings, listener, hang_up, announcement)


def listen(settings: Settings) -> socket.socket:
    """A socket that listens on the settings' address; raises OSError, which names the address."""
    try:
        return listening.listener(settings.host, settings.port)
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
    if multiprocessing.parent_process() is not None:
        python_reports.take_over()
    try:
        app = create_app(settings)
    except InvalidSetting as error:  # a restarted worker reads the persisted documents again
        log.error("worker cannot start", extra={"reason": str(error)})
        sys.exit(STARTUP_FAILURE)
    if settings.pin_cpus:
        process.pin_to_cpu(index)
    process.raise_descriptor_limit()
    process.tune_memory()
    return app


def _check_app(settings: Settings) -> None:
    from server.app import create_app

    create_app(settings)  # raises InvalidSetting, as every worker would


def _with_safe_workers(settings: Settings) -> Settings:
    is_file = settings.address.file is not None
    if settings.workers > 1 and is_file and not library.IS_SAFE_FOR_SEVERAL_WRITERS:
        log.warning(
            "only one worker is started",
            extra={
                "reason": f"SQLite {library.VERSION} can corrupt a file that several processes write",
                "hint": "use SQLite 3.51.3 or newer",
            },
        )
        return replace(settings, workers=1)
    return settings


def _serve(
    settings: Settings, listener: socket.socket, hang_up: HangUp, announcement: Announcement
) -> int:
    from server.transport import workers

    try:
        if settings.workers == 1:
            serve_worker(settings, 0, listener, hang_up, announcement.show)
            return 0
        with (
            workers.listeners(listener, settings.workers) as listeners,
            worker_exchange.socket_folder(),
        ):
            jobs = [
                (partial(serve_worker, settings, index), each)
                for index, each in enumerate(listeners)
            ]
            announcement.show()  # who connects before the workers are ready waits for them
            supervisor = workers.WorkerSupervisor(jobs, hang_up, settings.stop_seconds)
            return 0 if supervisor.run() else messages.FAILED
    except KeyboardInterrupt:
        return 0
    except SystemExit as exit_:  # by SIGTERM, or by uvicorn if the application could not start
        return messages.FAILED if exit_.code else 0
    finally:
        log.info("server stopped")


def serve_worker(
    settings: Settings,
    index: int,
    listener: socket.socket,
    hang_up: HangUp | None = None,
    when_started: Callable[[], None] = lambda: None,
) -> None:
    """Serve in this process until SIGINT or SIGTERM."""
    from server.transport.graceful_server import GracefulServer

    hang_up = hang_up or HangUp()
    with hang_up.handled():
        GracefulServer(server_config(settings, index), hang_up, when_started).run([listener])


def server_config(settings: Settings, index: int) -> "uvicorn.Config":
    import uvicorn

    from server.app import GRAPHQL
    from server.http.body_budget import BodyBudget
    from server.transport import connection_limits
    from server.transport.admission_protocol import AdmissionProtocol, Refusals
    from server.transport.connection_limits import ConnectionLimits
    from server.transport.send_deadline import UnsentBudget
    from server.transport.timeouts import ClientLimits
    from server.transport.websocket_protocol import WebSocketProtocol

    limits = ClientLimits(
        head_seconds=settings.head_seconds,
        body_seconds=settings.body_seconds,
        response_seconds=settings.answer_seconds,
        idle_seconds=settings.idle_seconds,
        connections=ConnectionLimits(
            settings.peer_sockets, connection_limits.most_connections(settings.readers)
        ),
        messages=BodyBudget(max(MAX_MESSAGES_BYTES, settings.max_body_bytes)),
        unsent=UnsentBudget(MAX_UNSENT_BYTES),
    )
    return uvicorn.Config(
        partial(worker_app, settings, index),
        http=_protocol(partial(AdmissionProtocol, Refusals(), limits, GRAPHQL, settings.root_path)),
        ws=_protocol(partial(WebSocketProtocol, limits)),
        ws_max_size=settings.max_body_bytes,
        ws_per_message_deflate=False,
        factory=True,
        workers=1,  # each process has a configuration of its own
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.stop_seconds,
    )


def _protocol(factory: object) -> "type[asyncio.Protocol]":
    return cast("type[asyncio.Protocol]", factory)  # uvicorn only calls it
