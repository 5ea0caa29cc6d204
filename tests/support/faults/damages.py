"""Ways to damage the file of a database, each from a seed."""

import random
import re
from collections.abc import Callable

PAGE = 4096
Damage = Callable[[bytearray, random.Random], None]


def flipped_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 1, 3, 30])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def page_of_garbage(data: bytearray, chance: random.Random) -> None:
    start = PAGE * chance.randrange(len(data) // PAGE)
    data[start : start + PAGE] = chance.randbytes(PAGE)


def sector_of_zeros(data: bytearray, chance: random.Random) -> None:
    start = 512 * chance.randrange(len(data) // 512)
    data[start : start + 512] = bytes(512)


def swapped_pages(data: bytearray, chance: random.Random) -> None:
    one, other = (PAGE * chance.randrange(len(data) // PAGE) for _ in range(2))
    content = data[one : one + PAGE]
    data[one : one + PAGE] = data[other : other + PAGE]
    data[other : other + PAGE] = content


def cut_off(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def wrong_header(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 4])):
        data[chance.randrange(100)] = chance.randrange(256)


def wrong_definition(data: bytearray, chance: random.Random) -> None:
    """A table or index that says something else, perhaps in bytes that are no text."""
    places = [found.start() for found in re.finditer(rb"CREATE (TABLE|INDEX|UNIQUE)", data)]
    for _ in range(chance.choice([1, 1, 4])):
        byte = chance.choice([chance.randrange(256), *b" ,()x'_"])
        data[chance.choice(places) + chance.randrange(400)] = byte


DAMAGES: tuple[Damage, ...] = (
    *(flipped_bits, page_of_garbage, sector_of_zeros, swapped_pages, cut_off),
    *(wrong_header, wrong_definition),
)


def damaged(data: bytes, seed: int) -> bytes:
    """Each kind in turn."""
    changed = bytearray(data)
    DAMAGES[seed % len(DAMAGES)](changed, random.Random(seed))
    return bytes(changed)
