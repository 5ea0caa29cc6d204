"""A start loads what it needs, and nothing else: modules are counted, since seconds depend on the machine."""

import json
import subprocess
import sys

import pytest

# What most servers never need, or not before a request asks for it.
NOT_AT_START = {
    "cryptography",
    "dotenv",
    "httpx2",
    "jwt",
    "opentelemetry",
    "prometheus_client",
    "shtab",
}
MOST = {"status": 133, "serve": 740}  # besides those of Python itself

LOAD = """
import json, sys
from server.cli import parser
parser(sys.argv[1])
if sys.argv[1] == "serve":
    from server.app import create_app
    from server.cli import serve
    from server.settings import Settings
    serve.server_config(Settings(), 0)
    create_app(Settings())
print(json.dumps([name for name in sys.modules if name.split(".")[0] not in sys.stdlib_module_names]))
"""


@pytest.mark.parametrize("command", MOST)
def test_a_start_loads_few_modules(command: str):
    ran = subprocess.run(
        [sys.executable, "-c", LOAD, command], capture_output=True, text=True, check=True
    )

    loaded = json.loads(ran.stdout)

    assert {name.split(".")[0] for name in loaded} & NOT_AT_START == set()
    assert len(loaded) <= MOST[command], len(loaded)
