"""What a stream can show: colours on a terminal, and so many columns."""

import os
from typing import TextIO

COLUMNS = 100  # where the terminal does not say
STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}


class Terminal:
    """A stream that people read; without colours where NO_COLOR is set, see https://no-color.org."""

    def __init__(self, stream: TextIO) -> None:
        self.is_terminal = stream.isatty()
        self._stream = stream
        is_plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        self._has_colours = self.is_terminal and not is_plain

    @property
    def columns(self) -> int:
        """Its width now: people resize windows."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or COLUMNS
        except (OSError, ValueError):
            return COLUMNS

    def paint(self, text: str, *styles: str) -> str:
        if not self._has_colours or not text:
            return text
        return f"\x1b[{';'.join(str(STYLES[style]) for style in styles)}m{text}\x1b[0m"
