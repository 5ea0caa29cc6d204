"""A server that cannot run here is named as absent, with the reason."""

from dataclasses import replace

import pytest

from benchmarks import __main__ as bench
from benchmarks import bun, node, options, postgres
from benchmarks.contenders import BY_NAME as CONTENDERS
from benchmarks.errors import BenchmarkError


def missing() -> None:
    raise BenchmarkError("it is not for this processor")


def test_what_is_missing_is_left_out_with_its_reason(monkeypatch):
    monkeypatch.setitem(CONTENDERS, "bun", replace(CONTENDERS["bun"], need=missing))

    present, absent = bench._present(options.read(["--servers", "compiled,bun"]))

    assert [each.name for each in present] == ["compiled"]
    assert absent == {"bun": "it is not for this processor"}


def test_without_any_server_there_is_nothing_to_measure(monkeypatch):
    monkeypatch.setitem(CONTENDERS, "bun", replace(CONTENDERS["bun"], need=missing))

    with pytest.raises(BenchmarkError, match="no server to measure"):
        bench._present(options.read(["--servers", "bun,ceiling"]))


def test_without_postgresql_postgraphile_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    postgres.require.cache_clear()

    with pytest.raises(BenchmarkError, match="PostgreSQL is missing"):
        postgres.require()


def test_a_bun_that_does_not_start_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(node, "require", lambda: None)
    monkeypatch.setattr(node, "install", lambda *_: None)
    monkeypatch.setattr(bun, "PROGRAM", tmp_path / "bun")
    bun.require.cache_clear()

    with pytest.raises(BenchmarkError, match="bun does not start: No such file"):
        bun.require()
