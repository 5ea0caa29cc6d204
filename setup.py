"""Builds GraphiQL as part of the package; all other metadata is in pyproject.toml."""

import subprocess
import sys

from setuptools import Command, setup
from setuptools.command.build import build
from setuptools.errors import ExecError


class BuildPage(Command):
    """Builds server/static with web/build.py; raises ExecError if that fails.

    An editable install continues without it: /graphql then says what is missing.
    """

    description = "build GraphiQL into server/static"
    user_options: list[tuple[str, str | None, str]] = []
    editable_mode = False

    def initialize_options(self) -> None:
        """Do nothing: there are no options."""

    def finalize_options(self) -> None:
        """Do nothing: there are no options."""

    def run(self) -> None:
        """Build GraphiQL, unless it is up to date."""
        ran = subprocess.run([sys.executable, "web/build.py"], check=False)
        if ran.returncode and not self.editable_mode:
            raise ExecError("GraphiQL could not be built; the reason is above")


class Build(build):
    """Builds GraphiQL before the package that contains it."""

    sub_commands = [("build_page", None), *build.sub_commands]


setup(cmdclass={"build": Build, "build_page": BuildPage})
