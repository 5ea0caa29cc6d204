"""What the server is deployed with: the image's pins and files, and the settings that they set."""

import re
import tomllib
from dataclasses import fields

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from server.setting_fields import PREFIX, variable
from server.settings import Settings
from tests.support.pages.doc_pages import page
from tests.support.paths import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
UNIT = (ROOT / "deploy" / "chittygraph.service").read_text()
REPLICA = (ROOT / "deploy" / "chittygraph-replica.service").read_text()
LITESTREAM = (ROOT / "deploy" / "litestream.service").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INSTALLED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["otel"]]


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^(\S+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_image_installs_the_versions_that_the_tests_use():
    tested = pinned("requirements.lock")

    assert pinned("deploy/requirements.lock").items() <= tested.items()


@pytest.mark.parametrize("needed", INSTALLED)
def test_the_image_has_everything_that_the_server_imports(needed: str):
    assert canonicalize_name(Requirement(needed).name) in pinned("deploy/requirements.lock")


def test_the_image_has_no_development_tools():
    assert not {"mypy", "pytest", "ruff"} & pinned("deploy/requirements.lock").keys()


def test_every_file_that_the_image_copies_exists_and_is_not_ignored():
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for source in line.split()
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in IGNORED


def test_the_image_does_not_run_as_root_and_has_a_health_check():
    last = DOCKERFILE.rpartition("\nFROM ")[2]

    assert re.search(r"^USER [1-9]\d+$", last, re.MULTILINE)
    assert re.search(r'^HEALTHCHECK .*\\\n +CMD \["', last, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["', last, re.MULTILINE)
    assert re.search(r"^VOLUME /data$", last, re.MULTILINE)


@pytest.mark.parametrize(
    "text",
    [DOCKERFILE, UNIT, REPLICA, LITESTREAM],
    ids=["Dockerfile", "unit", "replica", "litestream"],
)
def test_every_setting_in_the_deployment_files_exists(text: str):
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", text))

    assert named
    assert named <= {variable(each.name) for each in fields(Settings)}


def test_the_docs_show_the_whole_of_what_nginx_is_configured_with():
    """tests/thorough/test_nginx.py runs it."""
    shown = {block.title: block.text for block in page("docs/deployment.md").blocks}
    files = sorted((ROOT / "deploy" / "nginx").iterdir())

    assert len(files) == 4
    for file in files:
        assert shown[f"deploy/nginx/{file.name}"] == file.read_text()


def test_nginx_keeps_connections_for_less_time_than_the_server_does():
    upstream = (ROOT / "deploy" / "nginx" / "upstream.conf").read_text()
    (seconds,) = re.findall(r"^ *keepalive_timeout (\d+)s;", upstream, re.MULTILINE)

    assert 0 < int(seconds) < Settings().idle_seconds
    assert f"CHITTYGRAPH_IDLE_SECONDS, which is {Settings().idle_seconds}" in upstream
    assert f"127.0.0.1:{Settings().port}" in upstream
