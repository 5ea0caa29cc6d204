"""Imports in `server` point one way: from what composes a server down to its settings."""

from tests.support.imports import circles, imports_of, wrong_arrows

LAYERS = [
    [
        "server",
        "server.background_tasks",
        "server.ip_addresses",
        "server.origins",
        "server.python_build",
        "server.service_variables",
    ],
    ["server.retention", "server.heartbeat"],
    ["server.setting_fields", "server.setting_checks"],
    ["server.setting_files"],
    ["server.settings"],
    ["server.telemetry"],
    ["server.http"],
    ["server.auth", "server.identity", "server.transport", "server.files", "server.demo"],
    ["server.doctor"],
    ["server.graphql"],
    ["server.replica"],
    ["server.subscriptions"],
    ["server.webhooks_out"],
    ["server.service"],
    ["server.endpoints"],
    ["server.app"],
    ["server.cli"],
]


def test_imports_point_from_the_commands_down_to_the_settings():
    assert wrong_arrows(imports_of("server"), LAYERS) == []


def test_no_modules_import_each_other():
    assert circles(imports_of("server")) == []
