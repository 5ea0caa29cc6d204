"""Runs all checks: one that fails is a finding, and ends no other."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from db.errors import BootRefused
from server.doctor import database, engine, files, settings, system
from server.doctor.findings import Check, Deployment, Finding, problem, refusal, skipped

OF_FILES: tuple[Check, ...] = (*database.CHECKS, *files.CHECKS)
OF_ALL: tuple[Check, ...] = (*settings.CHECKS, *system.CHECKS)


def examine(deployment: Deployment) -> Iterator[tuple[str, Finding]]:
    """The findings of each check, under its name."""
    if deployment.settings.address.file is not None:
        yield from _run((*OF_FILES, *OF_ALL), deployment, _missing(deployment.database))
    else:
        yield from engine.examine(deployment)
        yield from _run(OF_ALL, deployment, {})


def _run(
    checks: Sequence[Check], deployment: Deployment, missing: dict[str, str]
) -> Iterator[tuple[str, Finding]]:
    for check in checks:
        if check.needs in missing:
            yield check.name, skipped(missing[check.needs])
            continue
        try:
            found = list(check.run(deployment))
        except BootRefused as error:
            found = [refusal(error)]
            if check.needs == "database":  # the others would find the same
                missing["database"] = "the database cannot be read"
        except OSError as error:
            found = [problem(f"cannot be checked: {_reason(error)}", "see that this user may look")]
        for finding in found:
            yield check.name, finding


def _missing(database: Path) -> dict[str, str]:
    """What checks need and cannot have, with the reason."""
    missing = {
        "folder": "there is no folder to look at",
        "database": "there is no database to read",
    }
    with suppress(OSError):
        if database.parent.is_dir():
            del missing["folder"]
        if database.is_file():
            del missing["database"]
    return missing


def _reason(error: OSError) -> str:
    return f"{error.filename}: {error.strerror.lower()}" if error.strerror else str(error)
