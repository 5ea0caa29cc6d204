"""How the running Python was built: without profile-guided optimization (PGO) it is slower.

`./run` runs this file with each Python that it finds, before anything is installed: it imports the
standard library only, and no annotation that Python 3.6 could not read.
"""

import platform
import sys
import sysconfig

OLDEST = (3, 11)
OPTIMIZED, PLAIN, WITHOUT_VENV = "optimized", "plain", "without-venv"


def is_optimized() -> bool:
    """Whether it was built with PGO, as far as it tells."""
    variables = ("CONFIG_ARGS", "PGO_PROF_GEN_FLAG", "PGO_PROF_USE_FLAG")
    arguments, generate, use = (sysconfig.get_config_var(name) or "" for name in variables)
    return tells_optimization(arguments, generate, use)


def tells_optimization(arguments: str, generate: str, use: str) -> bool:
    """Whether these variables of `sysconfig` are those of a build with PGO.

    Debian and Ubuntu give configure no `--enable-optimizations`, and profile by themselves; then they
    empty the flag that uses the profile, which extension modules have none of.
    """
    return "--enable-optimizations" in arguments or (generate != "" and use == "")


def description() -> str:
    """Its version and build, for people."""
    build = "with" if is_optimized() else "without"
    return f"{platform.python_implementation()} {platform.python_version()} built {build} PGO"


def _fitness() -> str:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return WITHOUT_VENV
    return OPTIMIZED if is_optimized() else PLAIN


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        sys.exit(1)
    sys.stdout.write(f"{_fitness()}\n")
