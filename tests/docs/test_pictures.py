"""The pictures of the README and the docs, which tests draw from the pages of a server with the demo."""

import re
from pathlib import Path

import pytest

from tests.support.pages import pictures
from tests.support.paths import ROOT

IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


@pytest.mark.waits
@pytest.mark.thorough
def test_every_picture_can_be_drawn_and_is_small(tmp_path: Path, pytestconfig: pytest.Config):
    pictures.draw(tmp_path)

    for name, (width, height) in pictures.SIZES.items():
        drawn = pictures.read(tmp_path / f"{name}.webp")
        assert (drawn.width, drawn.height) == (width, height), name
        assert drawn.bytes < pictures.MOST_BYTES, name
    if pytestconfig.getoption("pictures"):
        pictures.keep(tmp_path)


@pytest.mark.parametrize("name", pictures.SIZES)
def test_every_committed_picture_has_its_size(name: str):
    kept = pictures.read(pictures.FOLDER / f"{name}.webp")

    assert (kept.width, kept.height) == pictures.SIZES[name]
    assert 10_000 < kept.bytes < pictures.MOST_BYTES


def test_the_readme_begins_with_the_picture_of_a_graph_and_says_what_it_shows():
    text, target = IMAGE.findall((ROOT / "README.md").read_text())[0]

    assert target == "docs/images/graph.webp"
    assert "fail" in text
    assert "agent" in text


def test_every_picture_of_the_pages_is_there_and_says_what_it_shows():
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for text, target in IMAGE.findall(page.read_text()):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"
            assert len(text) > 20, f"{page.name}: {target}"


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path):
    (tmp_path / "a.webp").write_bytes(b"RIFF....WAVEfmt ")

    with pytest.raises(ValueError, match="is no WebP"):
        pictures.read(tmp_path / "a.webp")
