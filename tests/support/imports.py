"""Which modules import which, for the tests of a package's arrows."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.paths import ROOT, source_files

Imports = dict[str, set[str]]
"""For each module of a package, by its name, the modules of the same package that it imports."""


def imports_of(package: str) -> Imports:
    """The imports within a package, those inside of functions and for type checkers too."""
    paths = {_name(path): path for path in source_files(package)}
    return {name: set(_imported(path, paths)) - {name} for name, path in paths.items()}


def wrong_arrows(imports: Imports, layers: Sequence[Sequence[str]]) -> list[str]:
    """The imports from a lower layer to a higher one; every module must be in one layer.

    A layer lists modules and folders (which stand for their modules but those listed by name).
    """
    level = {name: _level(name, layers) for name in imports}
    return [
        f"{name} must not import {other}"
        for name, others in imports.items()
        for other in others
        if level[other] > level[name]
    ]


def circles(imports: Imports) -> list[list[str]]:
    """The groups of modules that import each other, directly or by way of others."""
    reach = {name: _reachable(name, imports) for name in imports}
    found = []
    for name in imports:
        group = sorted(other for other in reach[name] if name in reach[other])
        if group and group not in found:
            found.append(group)
    return found


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            module = name if name in known else name.rpartition(".")[0]
            if module in known:
                yield module


def _level(name: str, layers: Sequence[Sequence[str]]) -> int:
    listed = {each: number for number, layer in enumerate(layers) for each in layer}
    place = name
    while place not in listed:
        assert "." in place, f"{name} is in no layer: add it to this test"
        place = place.rpartition(".")[0]
    return listed[place]


def _reachable(name: str, imports: Imports) -> set[str]:
    found: set[str] = set()
    ahead = list(imports[name])
    while ahead:
        other = ahead.pop()
        if other not in found:
            found.add(other)
            ahead += imports[other]
    return found
