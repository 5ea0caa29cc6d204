"""Checks of the settings: secrets, who can reach the server, and what contradicts or weakens."""

import ipaddress
import os
import stat
from collections.abc import Mapping
from dataclasses import fields
from itertools import combinations
from pathlib import Path

from starlette.datastructures import Secret

from server import ip_addresses
from server.doctor import processes
from server.doctor.findings import Check, Deployment, Findings, ok, problem, warning
from server.setting_fields import flag, variable
from server.settings import Settings

SHORTEST_SECRET = 16
SECRETS = tuple(field.name for field in fields(Settings) if isinstance(field.default, Secret))
ENVIRONMENT_FILES = (Path("/etc/chittygraph.env"),)
KEY_FILES = ("*.key", "*.env", ".env")


def secrets(deployment: Deployment) -> Findings:
    holding = _names(deployment.settings)
    given = {name: parts for name in holding if (parts := _parts(deployment.settings, name))}
    found = [*_given_as_flags(deployment), *_guessable(given), *_readable(deployment)]
    names = ", ".join(variable(name) for name in given)
    yield from found or [ok(f"set: {names or 'none'}")]


def _names(settings: Settings) -> tuple[str, ...]:
    """The settings that hold a secret, as the database's URL may."""
    return (*SECRETS, "database") if settings.address.secret else SECRETS


def _guessable(given: Mapping[str, tuple[str, ...]]) -> Findings:
    for name, parts in given.items():
        shortest = min(map(len, parts))
        if shortest < SHORTEST_SECRET:
            yield problem(
                f"{variable(name)} has {shortest} characters, which can be guessed",
                "make one with `openssl rand -hex 32`, here and where it is used",
            )
    for one, other in combinations(given, 2):
        if set(given[one]) & set(given[other]):
            yield warning(
                f"{variable(one)} and {variable(other)} hold the same secret",
                "give each its own, so that one can be told without the other",
            )


def _readable(deployment: Deployment) -> Findings:
    for path in _secret_files(deployment):
        if path.stat().st_mode & (stat.S_IROTH | stat.S_IRGRP):
            yield warning(
                f"others may read {path}, which holds secrets, or is named as if it did",
                f"run `chmod go= {path}`",
            )


def _parts(settings: Settings, name: str) -> tuple[str, ...]:
    if name == "github_webhook_secret":
        return settings.github_secrets
    if name == "database":
        return (settings.address.secret,)
    text = str(getattr(settings, name))
    return (text,) if text else ()


def _given_as_flags(deployment: Deployment) -> Findings:
    names = _names(deployment.settings)
    here = [flag(name) for name in names if name in deployment.flags]
    running = [
        (processes.name(pid), flag(name))
        for pid in deployment.processes
        for name in names
        if any(
            word == flag(name) or word.startswith(f"{flag(name)}=")
            for word in processes.arguments(pid)
        )
    ]
    for who, name in [*(("this command", each) for each in here), *running]:
        yield problem(
            f"{who} got {name} as a flag, which every user of this machine can read",
            "set its variable instead, and change the secret",
        )


def _secret_files(deployment: Deployment) -> list[Path]:
    folders = {Path.cwd(), deployment.folder}
    found = [path for folder in folders for name in KEY_FILES for path in _glob(folder, name)]
    named = [deployment.setting_file.absolute()] if deployment.setting_file else []
    return [path for path in sorted({*found, *ENVIRONMENT_FILES, *named}) if path.is_file()]


def _glob(folder: Path, name: str) -> list[Path]:
    return list(folder.glob(name)) if os.access(folder, os.R_OK | os.X_OK) else []


def exposure(deployment: Deployment) -> Findings:
    settings = deployment.settings
    address = ip_addresses.parse(settings.host)
    is_local = settings.host == "localhost" if address is None else address.is_loopback
    found = f"{settings.auth} mode on {settings.host} port {settings.port}"
    if is_local:
        yield ok(f"{found}: this machine only")
    elif settings.auth == "open":
        yield warning(
            f"{found}: whoever reaches it may read and change everything",
            "choose --auth protected, or see that only those may reach it who may do so",
        )
    elif not settings.trusted_proxy_list:
        yield warning(
            f"{found}, without TLS: keys and tokens can be read on the way",
            "put a proxy with TLS before it, listen to that only, and set"
            f" {variable('trusted_proxies')} to its address",
        )
    else:
        yield ok(f"{found}, behind {', '.join(settings.trusted_proxy_list)}")


def weaknesses(deployment: Deployment) -> Findings:
    found = [*_of_documents(deployment.settings), *_of_limits(deployment.settings)]
    if deployment.settings.auth == "protected":
        found += _of_protected_mode(deployment.settings)
    yield from found or [ok("none contradicts another or weakens the server")]


def _of_documents(settings: Settings) -> Findings:
    if settings.documents_only and settings.shows_graphiql:
        yield warning(
            f"{variable('documents_only')} and GraphiQL are on: GraphiQL's queries are all refused",
            f"set {variable('graphiql')}=false",
        )
    if settings.documents_only and settings.introspection:
        yield warning(
            f"{variable('documents_only')} and {variable('introspection')} are on: introspection is"
            " refused, but errors suggest names and /schema.graphql is served",
            f"set {variable('introspection')}=false",
        )
    if settings.documents and not settings.documents_only and settings.auth == "protected":
        yield warning(
            f"{variable('documents')} names files, and other documents are accepted too",
            f"set {variable('documents_only')}=true if clients only send those",
        )


def _of_limits(settings: Settings) -> Findings:
    for network in settings.trusted_proxy_list:
        if ipaddress.ip_network(network, strict=False).prefixlen == 0:
            yield problem(
                f"{variable('trusted_proxies')} trusts everybody, who can then pass for any address",
                "name the addresses of the proxies",
            )
    if settings.min_free_mb == 0:
        yield warning(
            f"{variable('min_free_mb')} is 0: the disk may fill up within a write",
            "leave it out, or set some megabytes",
        )
    if settings.peer_sockets == 0 and not settings.trusted_proxy_list:
        yield warning(
            f"{variable('peer_sockets')} is 0: one client may take every connection",
            "leave it out, unless a proxy limits connections",
        )
    cores = os.cpu_count() or 1
    if settings.workers > cores:
        yield warning(
            f"{settings.workers} workers share {cores} cores",
            f"set {variable('workers')} to at most {cores}",
        )


def _of_protected_mode(settings: Settings) -> Findings:
    for name in ("graphiql", "introspection"):
        if getattr(settings, name):
            yield warning(
                f"{variable(name)} is on in protected mode",
                "leave it out, unless strangers may see the schema",
            )
    unlimited = ("failed_credentials_per_minute", "requests_per_minute", "points_per_minute")
    for name in unlimited:
        if getattr(settings, name) == 0:
            yield warning(f"{variable(name)} is 0, which is no limit", "leave it out, or set one")


CHECKS = (
    Check("secrets", secrets),
    Check("exposure", exposure),
    Check("settings", weaknesses),
)
