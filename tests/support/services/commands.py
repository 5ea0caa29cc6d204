"""The command line, run in this process or in one of its own."""

import asyncio
import io
import resource
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess

from server.cli import main
from tests.support.services.forked import COMMAND, start_command
from tests.support.services.server_process import TIMEOUT_SECONDS


def command(*words: object) -> CompletedProcess[str]:
    """Run one command in this process: Python takes half a second to start another."""
    argv = [str(word) for word in words]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = _exit_code(argv)
    shown = [file.buffer.getvalue().decode() for file in (out, err)]
    return CompletedProcess(argv, code, *shown)


def command_process(*words: object, limit: int | None = None) -> CompletedProcess[str]:
    """Run one command in a process of its own, whose files may not grow past `limit` bytes."""
    if limit is not None:
        return subprocess.run(
            [*COMMAND, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
    with start_command(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
    return CompletedProcess(process.args, process.returncode, out, err)


def complaint(done: CompletedProcess[str]) -> str:
    """What a command that failed said, which is one line and nothing else."""
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    assert done.stderr.startswith("chittygraph: ")
    return done.stderr


def _exit_code(argv: list[str]) -> int:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(argv)
    with ThreadPoolExecutor(1) as pool:  # a command makes a loop of its own
        return pool.submit(_run, argv).result()


def _run(argv: list[str]) -> int:
    try:
        return main(argv)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
