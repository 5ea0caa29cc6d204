"""What viewers have written through the workers of a replica, so that their next reads see it.

Workers share a file of a fixed size. A viewer has a place in it by a hash; who share one by chance read from
the primary a little more often than they need to.
"""

import hashlib
import mmap
import struct
from pathlib import Path

PLACES = 65_536
_NUMBER = struct.Struct("<q")


class Written:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        # A worker that starts must not empty it for the others.
        with path.open("a+b") as file:
            file.truncate(PLACES * _NUMBER.size)
            self._map = mmap.mmap(file.fileno(), PLACES * _NUMBER.size)

    def record(self, viewer: str, mark: int) -> None:
        """Remember the mark of a write: see Database.mark."""
        place = _place(viewer)
        # Of two workers that do it at once, the one with the older mark may win: its client has the newer one
        # as a header, too.
        if mark > self._at(place):
            _NUMBER.pack_into(self._map, place, mark)

    def mark(self, viewer: str) -> int:
        return self._at(_place(viewer))

    def close(self) -> None:
        self._map.close()

    def _at(self, place: int) -> int:
        (mark,) = _NUMBER.unpack_from(self._map, place)
        return int(mark)


def _place(viewer: str) -> int:
    digest = hashlib.blake2b(viewer.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PLACES * _NUMBER.size
