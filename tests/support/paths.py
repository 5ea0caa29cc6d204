"""Where tests find the project's own files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NPM = ROOT / "tests" / "npm"
"""The Node scripts of the tests, and the packages that they import (in `node_modules`)."""
