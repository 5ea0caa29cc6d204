"""Which builds of Python tell that they were made with profile-guided optimization."""

import subprocess
import sys

import pytest

from server import python_build
from tests.support.paths import ROOT

USE = "-fprofile-use -fprofile-correction"
GENERATE = "-fprofile-generate"


@pytest.mark.parametrize(
    ("arguments", "generate", "use", "optimized"),
    [
        ("'--enable-optimizations' '--with-lto' '--enable-shared'", GENERATE, USE, True),
        ("'--enable-shared' '--with-wheel-pkg-dir=/usr/share/python-wheels/'", GENERATE, "", True),
        ("'--prefix=/root' '--enable-shared'", GENERATE, USE, False),
        ("'--prefix=/root'", "", "", False),
        ("", "", "", False),
    ],
    ids=["configured", "debian", "plain", "another compiler", "nothing told"],
)
def test_a_build_with_pgo_is_known_by_its_variables(
    arguments: str, generate: str, use: str, optimized: bool
):
    assert python_build.tells_optimization(arguments, generate, use) == optimized


def test_run_as_a_program_it_says_what_this_python_is():
    ran = subprocess.run(
        [sys.executable, "-I", ROOT / "server" / "python_build.py"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stderr == ""
    assert ran.stdout == ("optimized\n" if python_build.is_optimized() else "plain\n")
