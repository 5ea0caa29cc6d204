"""`doctor` says how the Python that runs was built."""

import platform
from pathlib import Path

from server import python_build
from tests.support.services.doctor import Examination


def test_the_python_is_named_with_what_to_do_when_it_is_a_slow_build(tmp_path: Path):
    found = Examination(tmp_path / "none.db").found("python")

    assert f"CPython {platform.python_version()} built with" in found
    if python_build.is_optimized():
        assert found.startswith("ok: ")
    else:
        assert found.startswith("warning: ")
        assert "more CPU time -> install one that has it" in found
        assert "remove .venv" in found
