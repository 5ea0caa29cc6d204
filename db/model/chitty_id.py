"""ChittyIDs, which the identity authority mints in four forms.

* CHITTY-ACTOR-6f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f11    a type and a UUID
* CHITTY-ACTOR-000123-A1B2                             a type, six digits, four characters
* CHITTY-CONNECT-SYSTEM                                words
* 01-C-ACT-4829-PEO-Q5-7-0                             eight parts, the fifth of them a type
"""

import re
from uuid import uuid4

DID = "did:chitty:"
LONGEST = 200
EIGHT = "01-C-ACT-4829-PEO-Q5-7-0"

_TYPED = re.compile(
    r"CHITTY-([A-Z]+)-"
    r"(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9]{6}-[A-Z0-9]{4})"
)
_WORDS = re.compile(r"CHITTY(?:-[A-Z]+)+")
_PARTS = (
    ("version", "[A-Z0-9]{2}", "2 of A-Z and 0-9"),
    ("generation", "[A-Z0-9]", "1 of A-Z and 0-9"),
    ("locality", "[A-Z0-9]{3}", "3 of A-Z and 0-9"),
    ("sequence", "[A-Z0-9]{4}", "4 of A-Z and 0-9"),
    ("type", "([A-Z]+)", "capital letters"),
    ("year and month", "[A-Z0-9]{2,4}", "2 to 4 of A-Z and 0-9"),
    ("class", "[A-Z0-9]{1,2}", "1 or 2 of A-Z and 0-9"),
    ("check", "[A-Z0-9]{1,2}", "1 or 2 of A-Z and 0-9"),
)
_EIGHT_PARTS = re.compile("-".join(pattern for _, pattern, _ in _PARTS))
_HEAD = re.compile("-".join(pattern for _, pattern, _ in _PARTS[:3]))
_UUID_GROUPS = (8, 4, 4, 4, 12)


def normalise(text: str) -> str:
    """Remove `did:chitty:`, which may precede each form and is never stored."""
    return text.removeprefix(DID)


def normalised_in_sql(text: str) -> str:
    """SQL for what `normalise` makes of a text; NULL stays NULL."""
    return f"iif(substr({text}, 1, {len(DID)}) = '{DID}', substr({text}, {len(DID) + 1}), {text})"


def spellings_in_sql(chitty_id: str) -> str:
    """SQL for the list of texts that `normalise` takes for a ChittyID."""
    return f"({chitty_id}, '{DID}' || {chitty_id})"


def is_well_formed(text: str) -> bool:
    return len(text) <= LONGEST and any(
        form.fullmatch(text) for form in (_TYPED, _WORDS, _EIGHT_PARTS)
    )


def type_of(text: str) -> str | None:
    """The type in a normalised ChittyID, as "ACTOR"; None for words and malformed ones."""
    match = _TYPED.fullmatch(text) or _EIGHT_PARTS.fullmatch(text)
    return match[1] if match else None


def local(type_name: str) -> str:
    return f"CHITTY-{type_name}-{uuid4()}"


def problem(text: str) -> str | None:
    """What is wrong with a normalised ChittyID ("must …", "has …"), without repeating it."""
    if is_well_formed(text):
        return None
    if not text:
        return "must not be empty"
    if len(text) > LONGEST:
        return f"has {len(text)} characters where a ChittyID has at most {LONGEST}"
    if text != text.strip():
        return "must not begin or end with a space"
    if text[:4].lower() == "did:":
        return _problem_of_did(text)
    if text.isascii() and is_well_formed(text.upper()):
        return "must be in capital letters"
    if text.startswith("CHITTY-"):
        return _problem_after_chitty(text.removeprefix("CHITTY-"))
    if _HEAD.match(text):
        return _problem_in_parts(text.split("-"))
    return f"must be a ChittyID such as CHITTY-ACTOR-<uuid> or {EIGHT}"


def _problem_of_did(text: str) -> str:
    if text.startswith(DID):
        return f"must not have {DID} twice"
    if text.lower().startswith(DID):
        return f"must have {DID} in small letters, or leave it out"
    return f"must be a ChittyID: of DIDs only those with {DID} are"


def _problem_after_chitty(rest: str) -> str:
    type_name, _, after = rest.partition("-")
    if not re.fullmatch("[A-Z]+", type_name):
        return "must have a type in capital letters after CHITTY-"
    groups = after.split("-")
    if len(groups) == len(_UUID_GROUPS):
        lengths = tuple(map(len, groups))
        if lengths != _UUID_GROUPS:
            right, wrong = _dashed(_UUID_GROUPS), _dashed(lengths)
            return f"must go on after its type with a UUID of {right} digits, not {wrong}"
        return "must go on after its type with a UUID: digits, and letters from A to F"
    if len(groups) == 2 and after[:1].isdigit():
        return "must go on after its type with six digits and four of A-Z and 0-9, as 000123-A1B2"
    return (
        "must go on after its type with a UUID, with six digits and four characters"
        " (000123-A1B2), or with words in capital letters"
    )


def _dashed(lengths: tuple[int, ...]) -> str:
    return "-".join(map(str, lengths))


def _problem_in_parts(parts: list[str]) -> str:
    if len(parts) != len(_PARTS):
        return f"must be a ChittyID of {len(_PARTS)} parts, as {EIGHT}, not of {len(parts)}"
    for place, (part, (name, pattern, meaning)) in enumerate(
        zip(parts, _PARTS, strict=True), start=1
    ):
        if not re.fullmatch(pattern, part):
            return f"must have {meaning} as part {place} of 8, its {name}"
    raise AssertionError("eight right parts are a well-formed ChittyID")
