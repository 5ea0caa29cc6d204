"""Checks of single settings, which raise InvalidSetting with what to write instead."""

import importlib.util
import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from db import database_url
from db.database_url import Address
from server import ip_addresses, origins
from server.setting_fields import InvalidSetting, comma_separated, variable

_SEGMENTS = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


def database(url: str) -> None:
    try:
        database_url.parse(url)
    except ValueError as error:
        raise InvalidSetting(str(error)) from None


def networks(name: str, listed: Iterable[str]) -> None:
    try:
        for network in listed:
            ipaddress.ip_network(network, strict=False)
    except ValueError as error:
        raise InvalidSetting(
            f"{variable(name)}: {error}; give addresses or networks, separated by commas, such as"
            " 127.0.0.1,10.0.0.0/8"
        ) from None


def allowed_origins(text: str, *, is_open: bool) -> None:
    name, listed = variable("allowed_origins"), comma_separated(text)
    if text and not listed:
        raise InvalidSetting(
            f"{name} names no origin, only commas or spaces: name one or leave it out"
        )
    try:
        origins.check(listed, is_open=is_open)
    except ValueError as error:
        raise InvalidSetting(f"{name}: {error}") from None


def root_path(text: str) -> None:
    if not _SEGMENTS.fullmatch(text):
        instead = "/" + text.strip("/")
        example = instead if _SEGMENTS.fullmatch(instead) else "/registry"
        raise InvalidSetting(
            f"{variable('root_path')} is {text!r}: write it as {example}, with a slash before each part, none"
            " at the end, and letters, digits, `-`, `_`, `.` or `~`"
        )


def service_url(name: str, url: str) -> None:
    source = variable(name)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidSetting(
            f"{source} is not a URL: give one such as https://id.example.org"
        ) from None
    if not host or re.search(r"[^!-~]", url) or parts.query or parts.fragment:
        raise InvalidSetting(
            f"{source} must be a URL without a query, such as https://id.example.org"
        )
    if "@" in parts.netloc:
        raise InvalidSetting(
            f"{source} must not contain a user name or password"
            + (f": use {variable('chittyid_token')}" if name == "chittyid_url" else "")
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise InvalidSetting(
            f"{source} must begin with https://; http:// is accepted for this machine only"
        )


def replica(replica_of: str, primary: str, address: Address) -> None:
    if primary:
        service_url("primary", primary)
    if replica_of and not primary:
        raise InvalidSetting(
            f"{variable('primary')} must be set too: a replica forwards to it what writes"
        )
    if replica_of and address.file is None:
        raise InvalidSetting(
            f"{variable('database')} must be a path with {variable('replica_of')}: the copy is kept"
            " beside it"
        )
    if primary and not replica_of:
        raise InvalidSetting(
            f"{variable('primary')} is for replicas: set {variable('replica_of')} too, or leave it out"
        )


def collector_url(url: str) -> None:
    if not url:
        return
    if importlib.util.find_spec("opentelemetry") is None:
        raise InvalidSetting(
            f"{variable('otlp_url')} needs OpenTelemetry, which is not installed:"
            " install chittygraph[otel], or leave the setting out"
        )
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or any(mark in url for mark in "@?#"):
        raise InvalidSetting(
            f"{variable('otlp_url')} must be a URL without a query or password, such as"
            " http://127.0.0.1:4318; headers for the collector go into OTEL_EXPORTER_OTLP_HEADERS"
        )


def is_loopback(host: str) -> bool:
    address = ip_addresses.parse(host)
    return host == "localhost" if address is None else address.is_loopback
