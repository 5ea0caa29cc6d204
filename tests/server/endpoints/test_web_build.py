"""Building GraphiQL's page: when it cannot be done, that is said and nothing is left behind."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import NPM, ROOT


@pytest.fixture
def clone(tmp_path):
    """The folder web/ without what npm may have put into it, beside an empty server/."""
    ignored = shutil.ignore_patterns("node_modules")
    shutil.copytree(ROOT / "web", tmp_path / "web", ignore=ignored)
    (tmp_path / "server").mkdir()
    return tmp_path


def build(clone: Path, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flags, str(clone / "web" / "build.py")],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def module_of(clone: Path) -> dict[str, Any]:
    path = clone / "web" / "build.py"
    module: dict[str, Any] = {"__name__": "build", "__file__": str(path)}
    exec(compile(path.read_text(), "build.py", "exec"), module)
    return module


def test_without_the_network_it_says_that_npm_could_not_fetch(clone, tmp_path):
    ran = build(
        clone,
        npm_config_registry="http://127.0.0.1:9/",
        npm_config_cache=str(tmp_path / "cache"),
        npm_config_proxy="",
        npm_config_https_proxy="",
    )

    assert ran.returncode == 1
    assert "npm could not fetch what web/package-lock.json pins" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list((clone / "server").iterdir()) == []


def test_without_the_wheel_it_says_what_to_install(clone):
    ran = build(clone, "-I", "-S")

    assert ran.returncode == 1
    assert "install what requirements.lock pins" in ran.stderr
    assert list((clone / "server").iterdir()) == []


def test_where_it_cannot_write_it_says_so(clone):
    (clone / "server").rmdir()

    ran = build(clone)

    assert ran.returncode == 1
    assert "No such file or directory" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_what_is_built_is_not_built_again_until_a_source_changes(clone):
    module = module_of(clone)
    static = clone / "server" / "static"
    static.mkdir()
    (static / module["STAMP"]).write_text(module["checksum"]())

    again = build(clone, "-I", "-S")  # without Node: it must not be needed
    with (clone / "web" / "src" / "page.css").open("a") as source:
        source.write("/* wider */\n")
    changed = build(clone, "-I", "-S")

    assert (again.returncode, again.stderr) == (0, "")
    assert changed.returncode == 1


def test_a_build_removes_what_a_killed_one_left_but_nothing_of_a_running_one(clone):
    server = clone / "server"
    (server / ".static-killed" / "web" / "node_modules").mkdir(parents=True)
    module = module_of(clone)
    during = []

    def build_in(scratch: Path) -> None:
        during.append((list(server.iterdir()), scratch))
        build(clone, "-I", "-S")
        during.append((list(server.iterdir()), scratch))

    module["_build_in"] = build_in
    module["build"]()

    assert len(during) == 2
    assert all(folders == [scratch] for folders, scratch in during)
    assert list(server.iterdir()) == []


def test_no_download_address_is_in_the_locks():
    for lock in (ROOT / "web" / "package-lock.json", NPM / "package-lock.json"):
        assert '"resolved"' not in lock.read_text()


def test_what_builds_the_package_is_pinned_too():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert set(project["build-system"]["requires"]) <= set(project["dependency-groups"]["dev"])
