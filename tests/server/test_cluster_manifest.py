"""deploy/cluster: three rqlite nodes, two servers and a balancer, as far as reading the manifest tells."""

import json
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.endpoints import health
from server.setting_fields import PREFIX, variable
from server.settings import Settings
from tests.support.paths import ROOT

FOLDER = ROOT / "deploy" / "cluster"
MANIFEST = FOLDER / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NODES = {name: each for name, each in SERVICES.items() if name.startswith("rqlite-")}
SERVERS = {name: each for name, each in SERVICES.items() if name.startswith("server-")}
BALANCER = SERVICES["balancer"]
PROXY = (ROOT / "deploy" / "cluster" / "nginx.conf").read_text()
FLOOR = (10, 7)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """What make-secrets.sh makes, in a copy of the folder."""
    shutil.copytree(FOLDER, tmp_path / "cluster", ignore=shutil.ignore_patterns("secrets*"))
    shutil.copy(FOLDER / "make-secrets.sh", tmp_path / "cluster")
    subprocess.run([tmp_path / "cluster" / "make-secrets.sh"], check=True, capture_output=True)
    return tmp_path / "cluster" / "secrets"


def test_there_are_three_nodes_two_servers_and_a_balancer():
    assert (len(NODES), len(SERVERS)) == (3, 2)


@pytest.mark.parametrize("name", [*NODES, *SERVERS, "balancer"])
def test_every_service_that_stays_is_hardened_restarted_and_asked_whether_it_is_ready(name: str):
    service = SERVICES[name]

    assert service["healthcheck"]["test"][0] == "CMD"
    assert health.READY in service["healthcheck"]["test"][-1]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_image_has_an_exact_version_and_rqlite_is_no_older_than_its_floor():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    images = {name: each["image"] for name, each in SERVICES.items()}

    assert all(re.fullmatch(r"[\w/-]+:\d+\.\d+\.\d+(-alpine)?", each) for each in images.values())
    assert version
    for name in (*SERVERS, "first-key"):
        assert images[name] == f"chittygraph:{version[1]}"
    for name in NODES:
        found = tuple(map(int, images[name].partition(":")[2].split(".")))
        assert found[:2] >= FLOOR


def test_every_node_enforces_foreign_keys_and_forms_the_same_cluster():
    commands = [node["command"] for node in NODES.values()]

    assert commands[0] == commands[1] == commands[2]
    assert "-fk" in commands[0]
    assert f"-bootstrap-expect={len(NODES)}" in commands[0]
    assert f"-join={','.join(f'{name}:4002' for name in NODES)}" in commands[0]


@pytest.mark.parametrize("name", NODES)
def test_a_node_has_its_own_name_and_volume_and_no_way_out(name: str):
    assert NODES[name]["environment"] == {
        "NODE_ID": name,
        "HTTP_ADV_ADDR": f"{name}:4001",
        "RAFT_ADV_ADDR": f"{name}:4002",
    }
    assert NODES[name]["volumes"] == [f"{name}:/rqlite/file"]
    assert name in COMPOSE["volumes"]
    assert NODES[name]["networks"] == ["cluster"]
    assert COMPOSE["networks"]["cluster"] == {"internal": True}


def test_only_the_balancer_is_published_and_to_this_machine_only():
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}

    assert published == {"balancer": ["127.0.0.1:8000:8080"]}


def test_the_balancer_and_the_servers_know_each_others_addresses():
    addresses = [each["networks"]["front"]["ipv4_address"] for each in SERVERS.values()]
    listed = re.findall(r"^ +server ([\d.]+):8000", PROXY, re.MULTILINE)

    assert listed == addresses
    for server in SERVERS.values():
        settings = Settings.read(server["environment"])
        assert settings.auth == "protected"
        assert settings.trusted_proxy_list == (BALANCER["networks"]["front"]["ipv4_address"],)
        assert settings.peer_sockets == 0


def test_every_setting_of_the_manifest_exists():
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", MANIFEST.read_text()))

    assert named <= {variable(each.name) for each in fields(Settings)}


def test_no_secret_is_in_the_manifest():
    assert not re.search(r"(?i)password\s*[:=]\s*\S|://\w+:\w+@", MANIFEST.read_text())
    assert SERVERS["server-1"]["env_file"] == ["secrets/server.env"]
    assert COMPOSE["secrets"] == {"rqlite-users": {"file": "secrets/rqlite-users.json"}}
    ignored = subprocess.run(
        ["git", "check-ignore", FOLDER / "secrets" / "operator"], cwd=ROOT, check=False
    )
    assert ignored.returncode == 0


def test_the_secrets_are_random_and_only_their_readers_may_read_them(made: Path):
    users = {
        each["username"]: each for each in json.loads((made / "rqlite-users.json").read_text())
    }
    passwords = [each["password"] for each in users.values() if "password" in each]
    url = (made / "server.env").read_text().removeprefix("CHITTYGRAPH_DATABASE=").strip()

    assert len(passwords) == len(set(passwords)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{48}", each) for each in passwords)
    assert users["*"] == {"username": "*", "perms": ["ready"]}
    assert users["node"]["perms"] == ["join"]
    assert url == (
        f"rqlite://chittygraph:{users['chittygraph']['password']}@"
        + ",".join(f"{name}:4001" for name in NODES)
    )
    assert (made / "operator").read_text().strip() == f"operator:{users['operator']['password']}"
    assert {oct(each.stat().st_mode & 0o777) for each in made.iterdir()} == {"0o600"}
    assert made.stat().st_mode & 0o777 == 0o700


def test_secrets_that_exist_are_never_overwritten(made: Path):
    before = {each.name: each.read_bytes() for each in made.iterdir()}

    ran = subprocess.run(
        [made.parent / "make-secrets.sh"], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 1
    assert "exists: nothing is changed" in ran.stderr
    assert {each.name: each.read_bytes() for each in made.iterdir()} == before
    assert [each.name for each in made.parent.glob("secrets.*")] == []
