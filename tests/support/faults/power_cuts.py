"""A disk that loses power: what files may hold of the writes that no fsync has reached.

`strace` tells what a server wrote, synced and sent. Replayed up to any moment, a file holds all that was
synced, and of the later writes any: whole, not at all, or some of their sectors.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

SECTOR = 512
CALLS = "openat,pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,unlink"
SENDING = ("write", "writev", "sendto", "sendmsg")
BEGUN = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")
UNFINISHED = " <unfinished ...>"
QUOTED = re.compile(r'[<"]((?:\\x[0-9a-f]{2})*)[>"]')


def strace(to: Path) -> tuple[str, ...]:
    """The command under which a server tells this: whole and in hexadecimal, of all its threads."""
    options = ("-f", "--seccomp-bpf", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}")
    return ("strace", *options, "-o", str(to))


@dataclass(frozen=True, slots=True)
class Call:
    """One system call, when it begins or ends; what it takes and gives is known at the end."""

    name: str
    thread: str
    ends: bool
    texts: list[bytes] = field(default_factory=list)
    numbers: str = ""


def calls(trace: Path) -> Iterator[Call]:
    """The calls in their order; one that others did not interrupt begins and ends at once."""
    waiting: dict[str, str] = {}
    with trace.open() as lines:
        for line in lines:
            if not (found := BEGUN.match(line.rstrip("\n"))):
                continue
            thread, resumed, begun, rest = found.groups()
            if begun:
                yield _call(begun, thread, rest.removesuffix(UNFINISHED), ends=False)
                if rest.endswith(UNFINISHED):
                    waiting[thread] = rest.removesuffix(UNFINISHED)
                    continue
            yield _call(resumed or begun, thread, waiting.pop(thread, "") + rest, ends=True)


def _call(name: str, thread: str, rest: str, *, ends: bool) -> Call:
    texts = [bytes.fromhex(each.replace("\\x", "")) for each in QUOTED.findall(rest)]
    return Call(name, thread, ends, texts, QUOTED.sub("", rest))


@dataclass
class File:
    """What is surely in a file, and what may be: writes at offsets, and sizes that it was cut to."""

    durable: bytearray = field(repr=False)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list, repr=False)
    is_listed: bool = True  # its folder was synced since it was made
    synced: int = 0  # changes

    @property
    def changes(self) -> int:
        """How often it was changed."""
        return self.synced + len(self.pending)

    def sync(self, changes: int) -> None:
        """Make the first of all changes durable, of which another sync may have done some."""
        count = max(0, changes - self.synced)
        for offset, data in self.pending[:count]:
            _change(self.durable, offset, data)
        del self.pending[:count]
        self.synced += count

    def after_a_cut(self, luck: random.Random, kept: float) -> bytes:
        """What may be found later; `kept` is the share of unsynced sectors that reached the disk."""
        found = bytearray(self.durable)
        for offset, data in self.pending:
            if data is None:
                if luck.random() < kept:
                    _change(found, offset, None)
                continue
            for start in range(0, len(data), SECTOR):
                if luck.random() < kept:
                    _change(found, offset + start, data[start : start + SECTOR])
        return bytes(found)


def _change(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


@dataclass
class Disk:
    """The files of a folder, as the calls of a trace leave them."""

    folder: Path
    files: dict[str, File]
    _syncing: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, *paths: Path) -> Self:
        """The disk with these files on it."""
        files = {path.name: File(bytearray(path.read_bytes())) for path in paths}
        return cls(paths[0].parent, files)

    def take(self, call: Call) -> None:
        """Let one call happen."""
        match call.name:
            case "fsync" | "fdatasync":
                self._sync(call)
            case "openat" if call.ends and "O_CREAT" in call.numbers:
                self._create(call.texts[1])
            case "unlink" if call.ends and (name := self._name(call.texts[0])):
                self.files.pop(name, None)
            case "pwrite64" if call.ends and (name := self._name(call.texts[0])):
                offset = int(call.numbers.split(",")[-1].partition(")")[0])
                self.files[name].pending.append((offset, call.texts[1]))
            case "ftruncate" if call.ends and (name := self._name(call.texts[0])):
                size = int(call.numbers.split(",")[-1].partition(")")[0])
                self.files[name].pending.append((size, None))

    def after_a_cut(self, luck: random.Random, kept: float) -> dict[str, bytes]:
        """What the files may hold if the power fails now."""
        return {
            name: file.after_a_cut(luck, kept)
            for name, file in self.files.items()
            if file.is_listed or luck.random() < kept
        }

    def surely_holds(self, text: bytes) -> bool:
        """Whether a synced write has it."""
        return any(text in file.durable for file in self.files.values() if file.is_listed)

    def _name(self, path: bytes) -> str | None:
        found = Path(path.decode())
        known = found.parent == self.folder and found.name in self.files
        return found.name if known else None

    def _create(self, path: bytes) -> None:
        found = Path(path.decode())
        wanted = found.parent == self.folder and not found.name.endswith("-shm")
        if wanted and found.name not in self.files:
            self.files[found.name] = File(bytearray(), is_listed=False)

    def _sync(self, call: Call) -> None:
        """Only what was written before a sync began is on the disk when it ends."""
        if call.texts[0] == str(self.folder).encode():
            if call.ends:
                for file in self.files.values():
                    file.is_listed = True
        elif name := self._name(call.texts[0]):
            if call.ends:
                self.files[name].sync(self._syncing.pop(call.thread))
            else:
                self._syncing[call.thread] = self.files[name].changes


def responses(trace: Iterable[Call], pattern: re.Pattern[bytes]) -> dict[int, set[bytes]]:
    """What successful responses say, by the place of the call that sends their first bytes."""
    heads: dict[bytes, int] = {}
    found: dict[int, set[bytes]] = defaultdict(set)
    for place, call in enumerate(trace):
        if call.ends or call.name not in SENDING or not call.texts[0].startswith(b"socket:"):
            continue
        socket, body = call.texts[0], b"".join(call.texts[1:])
        if body.startswith(b"HTTP/1.1 200"):
            heads[socket] = place
        if said := pattern.findall(body):
            found[heads[socket]].update(said)
    return found
