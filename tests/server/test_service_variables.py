"""The variables that Kubernetes sets for a service called chittygraph stop no command."""

import json
import os
from pathlib import Path

import pytest

from server.cli import main
from server.setting_fields import InvalidSetting
from server.settings import Settings
from tests.support.services.server_process import served

OF_KUBERNETES = {
    "CHITTYGRAPH_PORT": "tcp://10.0.0.1:8000",
    "CHITTYGRAPH_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "CHITTYGRAPH_PORT_8000_TCP_ADDR": "10.0.0.1",
    "CHITTYGRAPH_PORT_8000_TCP_PORT": "8000",
    "CHITTYGRAPH_PORT_8000_TCP_PROTO": "tcp",
    "CHITTYGRAPH_SERVICE_HOST": "10.0.0.1",
    "CHITTYGRAPH_SERVICE_PORT": "8000",
    "CHITTYGRAPH_SERVICE_PORT_HTTP": "8000",
}
OF_ANOTHER_SERVICE = {
    "CHITTYGRAPH_READERS_PORT": "udp://[fd00::1]:53",
    "CHITTYGRAPH_READERS_PORT_53_UDP_ADDR": "fd00::1",
    "CHITTYGRAPH_READERS_SERVICE_HOST": "fd00::1",
    "CHITTYGRAPH_READERS_SERVICE_PORT_DNS_UDP": "53",
}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("CHITTYGRAPH_"):
            monkeypatch.delenv(name)


@pytest.fixture
def in_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (OF_KUBERNETES | OF_ANOTHER_SERVICE).items():
        monkeypatch.setenv(name, value)


def test_variables_of_services_are_no_settings():
    settings = Settings.read(OF_KUBERNETES | OF_ANOTHER_SERVICE | {"CHITTYGRAPH_WORKERS": "3"})

    assert (settings.port, settings.readers, settings.workers) == (8000, 2, 3)


def test_a_flag_sets_the_port_beside_the_variable_of_the_service():
    assert Settings.read(OF_KUBERNETES, {"port": "9000"}).port == 9000


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CHITTYGRAPH_PORT", "abc", "it must be a whole number"),
        ("CHITTYGRAPH_PORT", "http://10.0.0.1:8000", "it must be a whole number"),
        ("CHITTYGRAPH_PORT", "tcp://10.0.0.1", "it must be a whole number"),
        ("CHITTYGRAPH_SERVICE_HOST", "registry", "is not a setting"),
        ("CHITTYGRAPH_SERVICE_PORT", "http", "is not a setting"),
        ("CHITTYGRAPH_PORTS", "8000", "did you mean CHITTYGRAPH_PORT?"),
    ],
)
def test_what_no_service_has_stays_an_error(name: str, value: str, says: str):
    with pytest.raises(InvalidSetting, match=name) as refused:
        Settings.read(OF_KUBERNETES | {name: value})

    assert says in str(refused.value)


def test_a_command_names_all_of_them_in_one_line_and_how_to_avoid_them(
    in_kubernetes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code = main(["status", "--json", "--database", str(tmp_path / "registry.db")])

    shown = capsys.readouterr()
    assert (code, json.loads(shown.out)["exists"]) == (0, False)
    assert shown.err.count("\n") == 1
    for name in OF_KUBERNETES | OF_ANOTHER_SERVICE:
        assert name in shown.err
    assert "enableServiceLinks: false" in shown.err


def test_a_server_starts_beside_them_and_logs_one_warning(in_kubernetes, tmp_path: Path):
    with served(tmp_path / "registry.db", "--workers", "2") as (process, _):
        process.terminate()
        _, err = process.communicate()

    lines = [json.loads(line) for line in err.splitlines()]
    (warning,) = [line for line in lines if line["level"] == "warning"]
    assert warning["event"] == "service variables ignored"
    assert "CHITTYGRAPH_SERVICE_PORT_HTTP" in warning["reason"]
