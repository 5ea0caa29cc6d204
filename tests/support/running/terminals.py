"""What programs show on a terminal."""

import errno
import os


def shown_on(leader: int) -> str:
    """All that was written to a terminal whose other ends are closed: it comes in pieces, however short."""
    pieces: list[bytes] = []
    while True:
        try:
            piece = os.read(leader, 100_000)
        except OSError as error:
            if error.errno != errno.EIO:  # Linux's end of a terminal
                raise
            piece = b""
        if not piece:
            return b"".join(pieces).decode()
        pieces.append(piece)
