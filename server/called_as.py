"""What the reader types to call this program, so that what is printed can be typed again."""

import os
import re
import shlex
from pathlib import Path

NAME = "chittygraph"
# Not settings: ./run sets them. It has words of its own, such as `check`, before which it takes NAME.
CALLED_AS_VARIABLE = "_CHITTYGRAPH_CALLED_AS"
OWN_WORDS_VARIABLE = "_CHITTYGRAPH_OWN_WORDS"
_COMMAND = re.compile(rf"(?<=`){NAME}(?= ([a-z]+))")


def program(word: str = "") -> str:
    """What comes before this word of a command, such as `./run`, or `./run chittygraph` before `check`."""
    called = os.environ.get(CALLED_AS_VARIABLE)
    if called is None:
        return NAME
    return f"{shlex.quote(called)} {NAME}" if word in own_words() else shlex.quote(called)


def own_words() -> frozenset[str]:
    """The words that the calling script carries out itself."""
    return frozenset(os.environ.get(OWN_WORDS_VARIABLE, "").split())


def script() -> str:
    """The name of the file that called the program, such as `run`, or an empty text."""
    return Path(os.environ.get(CALLED_AS_VARIABLE, "")).name


def command(line: str) -> str:
    """The command `line`, as `keys list`, as the reader types it."""
    return f"{program(line.partition(' ')[0])} {line}"


def as_typed(text: str) -> str:
    """`text` with each command in backticks as the reader types it."""
    return _COMMAND.sub(lambda found: program(found[1]), text)
