"""The certificates that HTTP clients trust, read once: a new client takes longer over them than its test."""

import functools
from typing import Any

import httpcore2

_httpcore: Any = httpcore2
_httpcore.default_ssl_context = functools.cache(httpcore2.default_ssl_context)
