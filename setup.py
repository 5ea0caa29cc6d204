"""Builds the GraphiQL page with the package; everything else about it is in pyproject.toml."""

import subprocess
import sys

from setuptools import Command, setup
from setuptools.command.build import build
from setuptools.errors import ExecError


class BuildPage(Command):
    """Makes server/static with web/build.py; raises ExecError when that cannot be done.

    An editable install goes on without it: the server then says at /graphql what is missing.
    """

    description = "build the GraphiQL page into server/static"
    user_options: list[tuple[str, str | None, str]] = []
    editable_mode = False

    def initialize_options(self) -> None:
        """Nothing can be chosen."""

    def finalize_options(self) -> None:
        """Nothing can be chosen."""

    def run(self) -> None:
        """Build the page, unless it is built."""
        ran = subprocess.run([sys.executable, "web/build.py"], check=False)
        if ran.returncode and not self.editable_mode:
            raise ExecError("the GraphiQL page could not be built; the reason is above")


class Build(build):
    """Building the package, the page first, since the package then contains it."""

    sub_commands = [("build_page", None), *build.sub_commands]


setup(cmdclass={"build": Build, "build_page": BuildPage})
