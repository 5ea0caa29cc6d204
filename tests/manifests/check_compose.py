"""Holds a Compose file against the models of the Compose specification, and refuses what they do not know."""

import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from compose_spec import ComposeSpecification
from pydantic import BaseModel


def unknown(read: object, written: object, place: str) -> Iterator[str]:
    """The places of all fields that are written and that the specification lacks."""
    if isinstance(read, BaseModel) and isinstance(written, dict):
        names = {field.alias or name: name for name, field in type(read).model_fields.items()}
        for name, value in written.items():
            if name in names:
                yield from unknown(getattr(read, names[name]), value, f"{place}.{name}")
            elif not name.startswith("x-"):
                yield f"{place}.{name}"
    elif isinstance(read, dict) and isinstance(written, dict):
        for name, value in written.items():
            yield from unknown(read.get(name), value, f"{place}.{name}")
    elif isinstance(read, list) and isinstance(written, list):
        for each, value in zip(read, written, strict=True):
            yield from unknown(each, value, place)


document = yaml.safe_load(Path(sys.argv[1]).read_text())
problems = unknown(ComposeSpecification.model_validate(document), document, "compose")
sys.exit("\n".join(problems) or 0)
