"""The schema as clients read it: built from its printed text, once."""

from graphql import build_schema

from schema.built import sdl

PRINTED = build_schema(sdl())
