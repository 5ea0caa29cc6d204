"""Processes that are forked on request from one that has imported the program, as if they were started anew.

A request goes through a socket, with the open files that the new process gets.
"""

import atexit
import ctypes
import io
import json
import multiprocessing.util
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

LIMITS = [number for name, number in vars(resource).items() if name.startswith("RLIMIT_")]
# What goes to a whole group of processes is meant for those that were forked.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36  # see prctl(2)
REQUEST_BYTES = 200_000
MOST_FILES = 64
WORKER = (
    "spawn_main"  # the function of multiprocessing that workers begin with, and their name here
)


def fork(forking: socket.socket, request: Mapping[str, Any], files: Mapping[int, int]) -> int:
    """Have a descendant of this process fork; the new process is a child of this one.

    `files` are those of the new process: by its own numbers, the numbers here.
    """
    # A process whose parent ends becomes this one's child, and can be waited for.
    _control(PR_SET_CHILD_SUBREAPER, 1)
    limits = [(each, resource.getrlimit(each)) for each in LIMITS]
    told = {**request, "limits": limits, "files": list(files)}
    socket.send_fds(forking, [json.dumps(told).encode()], list(files.values()))
    pid = int(forking.recv(REQUEST_BYTES))
    assert forking.recv(REQUEST_BYTES) == b"its parent has ended"
    _control(PR_SET_CHILD_SUBREAPER, 0)
    return pid


def forked(requests: socket.socket) -> dict[str, Any]:
    """Fork a process for each request, and return the request in that process only."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    while True:
        received, files, _, _ = socket.recv_fds(requests, REQUEST_BYTES, MOST_FILES)
        if not received:
            os._exit(0)
        # What comes for the new process before its handlers are there waits for them.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        if parent := os.fork():
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            for file in files:
                os.close(file)
            os.waitpid(parent, 0)
            requests.send(b"its parent has ended")
        elif pid := os.fork():
            requests.send(str(pid).encode())
            os._exit(0)
        else:
            requests.close()
            request: dict[str, Any] = json.loads(received)
            _give_files(request["files"], files)
            _give_surroundings(request)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_SETMASK, request.get("blocked", mask))
            return request


def _give_files(numbers: Sequence[int], files: Sequence[int]) -> None:
    """Rename the files, which may have numbers of one another."""
    beyond = max([*numbers, *files]) + 1
    for number, file in enumerate(files, beyond):
        os.dup2(file, number)
        os.close(file)
    for place, number in enumerate(numbers, beyond):
        os.dup2(place, number)
        os.close(place)


def _give_surroundings(request: dict[str, Any]) -> None:
    for each, limit in request["limits"]:
        resource.setrlimit(each, limit)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])


def run_command(request: dict[str, Any], main: Callable[[], int]) -> None:
    """Run a command as this process, which ends."""
    if request["session"]:
        os.setsid()
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    out = os.fdopen(1, "wb", 0 if unbuffered else -1, closefd=False)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = io.TextIOWrapper(out, line_buffering=os.isatty(1), write_through=unbuffered)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    sys.argv[1:] = request["words"]
    if "--workers" in request["words"]:
        _fork_what_is_spawned()
    _run(lambda: sys.exit(main()))


def _fork_what_is_spawned() -> None:
    """Have multiprocessing fork the workers of this process from another one, which is as this one is now."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork():
        theirs.close()

        def spawn(_: object, command: Sequence[str | bytes], files: Sequence[int]) -> int:
            request = {
                "command": [os.fsdecode(word) for word in command],
                "cwd": os.fspath(Path.cwd()),
                "env": dict(os.environ),
                "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            }
            return fork(ours, request, {number: number for number in files})

        util: Any = multiprocessing.util
        util.spawnv_passfds = spawn
    else:
        ours.close()
        _run_spawned(forked(theirs))


def _run_spawned(request: dict[str, Any]) -> None:
    command = request["command"]
    program, *words = command[command.index("-c") + 1 :]
    if WORKER in program:
        _control(PR_SET_NAME, WORKER.encode())
    sys.argv = ["-c", *words]
    _run(lambda: exec(program, {"__name__": "__main__"}))


def _run(program: Callable[[], None]) -> None:
    """Run it and end, without taking the interpreter apart: that takes longer than most commands."""
    code = 0
    try:
        program()
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        code = ended.code or 0
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    os._exit(code)


def _control(option: int, value: int | bytes) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
