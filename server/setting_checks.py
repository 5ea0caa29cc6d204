"""Checks of single settings, which raise InvalidSetting with what to write instead."""

import importlib.util
import re
from urllib.parse import urlsplit

from server import ip_addresses, origins
from server.setting_fields import InvalidSetting, comma_separated, variable

_SEGMENTS = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


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
