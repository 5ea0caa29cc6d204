"""One node of rqlite for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.support.other_programs import rqlite
from tests.support.other_programs.rqlite import Cluster


@pytest.fixture(scope="module")
def one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A node with an account."""
    folder = tmp_path_factory.mktemp("rqlite")
    with rqlite.cluster(folder, account=rqlite.Account()) as cluster:
        yield cluster
