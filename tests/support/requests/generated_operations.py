"""Operations that hypothesis-graphql makes of the schema, valid and invalid ones."""

from collections.abc import Iterable

from graphql import IntValueNode, NameNode, ObjectFieldNode, ObjectValueNode, ValueNode
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, from_schema, nodes

from schema.built import sdl

INSTANTS = ("2026-11-22T09:30:00.000Z", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z", "now")
INT64 = 2**63


def operations(chitty_ids: Iterable[str]) -> st.SearchStrategy[str]:
    """Documents of queries and mutations, which also name these ChittyIDs."""
    scalars = _scalars(st.sampled_from(sorted(chitty_ids)))
    made = [from_schema(sdl(), custom_scalars=scalars, mode=mode) for mode in Mode]
    return st.one_of(made).map(str)


def examples(count: int) -> settings:
    """The same ones in each run; they are not made smaller, which would take longer than all else."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def _scalars(chitty_ids: st.SearchStrategy[str]) -> dict[str, st.SearchStrategy[ValueNode]]:
    numbers = st.integers(-INT64, INT64)
    return {
        "DateTime": st.one_of(
            st.sampled_from(INSTANTS), st.datetimes().map(lambda time: f"{time.isoformat()}Z")
        ).map(nodes.String),
        "BigInt": st.one_of(numbers.map(str), st.text(max_size=25)).map(nodes.String),
        "ChittyID": st.one_of(chitty_ids, st.text(max_size=20)).map(nodes.String),
        "JSON": st.one_of(
            st.text(max_size=20).map(nodes.String),
            st.dictionaries(st.sampled_from("abc"), numbers).map(_object),
        ),
    }


def _object(members: dict[str, int]) -> ValueNode:
    return ObjectValueNode(
        fields=tuple(
            ObjectFieldNode(name=NameNode(value=name), value=IntValueNode(value=str(number)))
            for name, number in members.items()
        )
    )
