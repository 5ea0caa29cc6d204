"""JSON Web Tokens: the actor that they identify, and everything that makes one invalid."""

import asyncio
import base64
import json
import time
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.auth.signing_keys import SigningKeys
from server.auth.token_errors import InvalidToken, KeysUnavailable
from server.auth.tokens import TokenVerifier
from tests.support.other_programs.token_issuer import (
    AUDIENCE,
    ISSUER,
    Issuer,
    an_issuer,
    published,
    token,
)
from tests.support.other_programs.token_keys import EC, RSA, WEAK
from tests.support.services.log_capture import captured_logs
from tests.support.services.protected_service import bearer, protected_api, refusal

pytestmark = pytest.mark.waits

PRINCIPAL = "auth0|ada"


@pytest.fixture
def issuer():
    with an_issuer() as issuer:
        yield issuer


@asynccontextmanager
async def verifying(issuer: Issuer, *algorithms: str, claim: str = "sub", now=time.time, **timing):
    """Tokens of this issuer, verified; with the clocks of the keys."""
    keys = SigningKeys(issuer.url, **timing)
    try:
        yield TokenVerifier(
            keys,
            issuer=ISSUER,
            audiences=[AUDIENCE, "second"],
            algorithms=algorithms or ("RS256", "ES256"),
            claim=claim,
            now=now,
        )
    finally:
        await keys.close()


async def refusal_reason(issuer: Issuer, bad: str, *algorithms: str) -> str:
    """Why a token is refused where a good one is not."""
    async with verifying(issuer, *algorithms) as tokens:
        with pytest.raises(InvalidToken) as caught:
            await tokens.verify(bad)
        if not algorithms:
            assert (await tokens.verify(token(sub="ada")))[0] == "ada"
    return str(caught.value)


def protected(path, issuer: Issuer, **more):
    settings = {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwt_jwks_url": issuer.url}
    return protected_api(path / "registry.db", **settings | more)


async def test_a_token_identifies_the_actor_by_chittyid_or_principal(issuer, tmp_path):
    async with protected(tmp_path, issuer) as api:
        ada = await api.actor("Ada", chitty_auth_principal_id=PRINCIPAL)
        answers = [await api.show(bearer(token(sub=name))) for name in (ada, PRINCIPAL)]
        nobody = await api.show(bearer(token(sub="auth0|bob")))

    named = [answer.json()["data"]["viewer"]["actor"]["chittyId"] for answer in answers]
    assert named == [ada, ada]
    assert refusal(nobody) == (401, "UNAUTHENTICATED", "the credential belongs to no actor here")


@pytest.mark.parametrize("prefix", ["", "did:chitty:"], ids=["bare", "with its DID"])
async def test_a_token_that_names_two_actors_identifies_neither(issuer, tmp_path, prefix):
    async with protected(tmp_path, issuer) as api:
        ada, eve = await api.actor("Ada"), await api.actor("Eve")
        await api.put(  # as another program might
            "UPDATE actors SET chitty_auth_principal_id = :name WHERE chitty_id = :ada",
            name=prefix + eve,
            ada=ada,
        )
        answer = await api.show(bearer(token(sub=prefix + eve)))

    assert refusal(answer)[:2] == (401, "UNAUTHENTICATED")
    assert "names two actors" in refusal(answer)[2]


async def test_the_actor_of_a_token_is_checked_for_every_request(issuer, tmp_path):
    async with protected(tmp_path, issuer) as api:
        ada = await api.actor("Ada")
        sent = bearer(token(sub=ada))
        before = await api.show(sent)
        await api.put("UPDATE actors SET status = 'suspended' WHERE chitty_id = :ada", ada=ada)
        after = await api.show(sent)

    assert (before.status_code, after.status_code) == (200, 401)


async def test_another_claim_may_name_the_actor(issuer):
    async with verifying(issuer, claim="chitty_id") as tokens:
        assert (await tokens.verify(token(sub="x", chitty_id="ada")))[0] == "ada"
        for missing in ({}, {"chitty_id": ["ada"]}, {"chitty_id": ""}, {"chitty_id": 7}):
            with pytest.raises(InvalidToken, match="no text in its claim chitty_id"):
                await tokens.verify(token(sub="x", **missing))


A_TIME = "must be a number of seconds since 1970, before the year 10000"
EXPIRED = "the token has expired: get a new one"
WRONG = {
    "another issuer": ({"iss": "https://evil.example"}, "the token is from another issuer"),
    "another audience": ({"aud": "another"}, "the token is for another audience"),
    "no issuer": ({"iss": None}, "the token lacks the claim iss"),
    "no audience": ({"aud": None}, "the token lacks the claim aud"),
    "no expiry": ({"exp": None}, "the token lacks the claim exp"),
    "no time of issue": ({"iat": None}, "the token lacks the claim iat"),
    "no subject": ({"sub": None}, "the token lacks the claim sub"),
    "expired": ({"exp": int(time.time()) - 3_600}, EXPIRED),
    "not yet valid": ({"nbf": int(time.time()) + 3_600}, "the token is not valid yet"),
    "issued in the future": ({"iat": int(time.time()) + 3_600}, "the token is not valid yet"),
    "a subject that is no text": ({"sub": 7}, "the token is not valid"),
    "half a character": ({"sub": "ada\ud800"}, "the token has no text in its claim sub"),
    "an endless expiry": ({"exp": float("inf")}, "the token is not valid: its payload is not JSON"),
    "an expiry that is a list": ({"exp": [1]}, f"the token's claim exp {A_TIME}"),
    "an expiry that is a text": ({"exp": "9999999999"}, f"the token's claim exp {A_TIME}"),
    "an expiry that is true": ({"exp": True}, f"the token's claim exp {A_TIME}"),
    "an expiry beyond all years": ({"exp": 1e300}, f"the token's claim exp {A_TIME}"),
    "an expiry in milliseconds": ({"exp": 1_800_000_000_000}, f"the token's claim exp {A_TIME}"),
    "an expiry of many digits": (
        {"exp": 10**40},
        "the token is not valid: its payload is not JSON",
    ),
    "a time of issue that is a text": ({"iat": "1"}, f"the token's claim iat {A_TIME}"),
    "a start that is a text": ({"nbf": "1"}, f"the token's claim nbf {A_TIME}"),
    "a start before 1970": ({"nbf": -1}, f"the token's claim nbf {A_TIME}"),
    "an audience that is a number": ({"aud": 7}, "the token is for another audience"),
    "an audience in a list in a list": ({"aud": [[AUDIENCE]]}, "the token is for another audience"),
    "a name that nobody has": (
        {"sub": "a" * 1_001},
        "the token's claim sub is longer than 1000 characters",
    ),
}


@pytest.mark.parametrize(("claims", "reason"), WRONG.values(), ids=WRONG)
async def test_a_token_with_a_wrong_claim_is_refused(issuer, claims, reason):
    assert await refusal_reason(issuer, token(**{"sub": "ada", **claims})) == reason


async def test_clocks_may_differ_by_half_a_minute(issuer):
    now = int(time.time())
    async with verifying(issuer) as tokens:
        late = await tokens.verify(token(sub="late", exp=now - 5))
        early = await tokens.verify(token(sub="early", nbf=now + 5, iat=now + 5))

    assert (late[0], early[0]) == ("late", "early")


def assemble(head: dict, claims: dict, signature: bytes = b"") -> str:
    parts = json.dumps(head).encode(), json.dumps(claims).encode(), signature
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def claims_of(**more) -> dict:
    now = int(time.time())
    return {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 60, "sub": "ada", **more}


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, ["RS256"], "HS256", "RS512"])
async def test_any_other_algorithm_is_refused(issuer, alg):
    reason = await refusal_reason(issuer, assemble({"alg": alg, "kid": "one"}, claims_of()))

    assert reason in ("the token must be signed with RS256 or ES256", "the token is not valid")


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(issuer):
    import hashlib
    import hmac

    pem = RSA[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for alg in ("HS256", "RS256"):
        signed = assemble({"alg": alg, "kid": "one"}, claims_of()).rstrip(".")
        signature = hmac.new(pem, signed.encode(), hashlib.sha256).digest()
        forged = f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        assert (await refusal_reason(issuer, forged)).startswith("the token ")


async def test_key_locations_in_a_token_are_ignored(issuer):
    with an_issuer() as evil:
        evil.publish(published(RSA[1], "one"))
        heads: list[dict[str, Any]] = [
            {"jku": evil.url},
            {"x5u": evil.url},
            {"jwk": published(RSA[1], "one")},
            {"x5c": ["AAAA"]},
        ]
        reasons = [
            await refusal_reason(issuer, token(RSA[1], sub="ada", head=head)) for head in heads
        ]

        assert reasons == ["the token is not valid"] * len(heads)
        assert evil.asked == []


async def test_a_token_with_an_unknown_critical_extension_is_refused(issuer):
    head = {"crit": ["exp"], "exp": 1}

    assert await refusal_reason(issuer, token(sub="ada", head=head)) == "the token is not valid"


TEXTS = ["x", "..", "a.b.c", "e30.e30.e30", "é", "a" * 9_000, "[" * 4_000 + ".e30.", "W10.e30.e30"]


@pytest.mark.parametrize("bad", [*TEXTS, assemble({"alg": "RS256", "kid": [1]}, {})])
async def test_a_malformed_token_is_refused(issuer, bad):
    assert (await refusal_reason(issuer, bad)).startswith("the token ")


async def test_a_token_with_a_deeply_nested_header_is_refused(issuer, tmp_path):
    nested = base64.urlsafe_b64encode(b"[" * 6_000).decode().rstrip("=")
    async with protected(tmp_path, issuer) as api:
        answer = await api.show(bearer(f"{nested}.e30.e30"))

    assert refusal(answer)[0] == 401


async def test_a_weak_key_is_not_used(issuer):
    issuer.publish(published(RSA[0], "one"), published(WEAK, "weak"))
    now = int(time.time())
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        weak = token(WEAK, "weak", sub="ada", iat=now)

    assert await refusal_reason(issuer, weak) == "the token is not valid"


async def test_each_type_of_key_verifies_what_the_settings_allow(issuer):
    issuer.publish(published(RSA[0], "one"), published(EC, "curve"))
    async with verifying(issuer, "RS256", "PS256", "ES256") as tokens:
        signed = [
            token(sub="a"),
            token(algorithm="PS256", sub="b"),
            token(EC, "curve", "ES256", sub="c"),
        ]
        names = [(await tokens.verify(each))[0] for each in signed]

    assert names == ["a", "b", "c"]


async def test_a_key_is_used_only_for_its_published_purpose(issuer):
    issuer.publish(
        published(RSA[0], "one", alg="RS256"),
        published(RSA[1], "two", use="enc"),
    )

    other = await refusal_reason(issuer, token(algorithm="PS256", sub="a"), "RS256", "PS256")
    encrypting = await refusal_reason(issuer, token(RSA[1], "two", sub="a"))

    assert other == "the token's signing key is not for PS256"
    assert encrypting == "the token's signing key is not one that its issuer publishes"


async def test_a_malformed_published_key_verifies_nothing(issuer):
    odd: list[dict[str, Any]] = [
        {"alg": ["RS256"]},
        {"alg": "none"},
        {"alg": "HS256"},
        {"n": 5},
        {"e": ""},
        {"n": [1]},
        {"kty": "EC"},
    ]
    keys = [published(RSA[1], f"odd {n}", **each) for n, each in enumerate(odd)]
    issuer.publish(published(RSA[0], "one"), *keys)

    reasons = [
        await refusal_reason(issuer, token(RSA[1], f"odd {n}", sub="a")) for n in range(len(odd))
    ]

    assert reasons == ["the token's signing key is not for RS256"] * 3 + [
        "the token is not valid"
    ] * 3 + ["the token's signing key is not for RS256"]


KEY_SETS = {
    "the only key": [published(RSA[0], "one")],
    "one of several keys": [published(RSA[1], "two"), published(RSA[0], "one")],
    "a key without an id": [published(RSA[1], "two"), published(RSA[0], None)],
}


@pytest.mark.parametrize("keys", KEY_SETS.values(), ids=KEY_SETS)
async def test_a_token_without_a_key_id_is_verified_by_any_key(issuer, keys):
    issuer.publish(*keys)
    async with verifying(issuer) as tokens:
        assert (await tokens.verify(token(key_id=None, sub="ada")))[0] == "ada"
        with pytest.raises(InvalidToken, match="the token is not valid"):
            await tokens.verify(token(key_id=None, sub="ada")[:-8] + "A" * 8)


SHARING: list[list[dict[str, Any]]] = [
    [published(RSA[0], "one"), published(RSA[1], "one")],
    [published(RSA[0], "one"), published(EC, "one")],
    [published(RSA[0], "one", alg="RS256"), published(RSA[1], "one", alg="PS256")],
    [published(RSA[0], "one"), published(RSA[1], "one", n=[1])],
    [published(RSA[0], "one"), published(RSA[0], "one", key_ops=["sign"])],
    [published(RSA[0], None), published(RSA[1], None)],
]


@pytest.mark.parametrize("keys", SHARING)
async def test_every_key_that_shares_an_id_is_tried_in_any_order(issuer, keys):
    for order in (keys, keys[::-1]):
        issuer.publish(*order)
        async with verifying(issuer) as tokens:
            assert (await tokens.verify(token(sub="ada")))[0] == "ada"


async def test_no_more_than_sixteen_keys_are_tried_for_a_token(issuer):
    others = [published(RSA[1], "one") for _ in range(16)]
    async with verifying(issuer) as tokens:
        issuer.publish(*others[1:], published(RSA[0], "one"))
        assert (await tokens.verify(token(sub="ada")))[0] == "ada"
    async with verifying(issuer) as tokens:
        issuer.publish(*others, published(RSA[0], "one"))
        with pytest.raises(InvalidToken, match="the token is not valid"):
            await tokens.verify(token(sub="ada"))


async def test_a_key_of_another_curve_is_not_for_the_algorithm(issuer):
    issuer.publish(published(RSA[0], "one"), published(EC, "curve", crv="P-384"))

    reason = await refusal_reason(issuer, token(EC, "curve", "ES256", sub="ada"))

    assert reason == "the token's signing key is not for ES256"


async def test_a_token_without_a_key_id_is_verified_once_keys_were_rotated(issuer):
    now = [0.0]
    async with verifying(issuer, clock=lambda: now[0]) as tokens:
        await tokens.verify(token(key_id=None, sub="ada"))
        issuer.publish(published(RSA[1], None))
        now[0] = 31
        bob = await tokens.verify(token(RSA[1], key_id=None, sub="bob"))
        for n in range(5):
            with pytest.raises(InvalidToken):
                await tokens.verify(token(key_id=None, sub=str(n)))

    assert (bob[0], len(issuer.asked)) == ("bob", 2)


async def test_a_token_for_one_of_several_audiences_is_accepted(issuer, tmp_path):
    async with protected(tmp_path, issuer, jwt_audience=f" {AUDIENCE} , second") as api:
        ada = await api.actor("Ada")
        answers = [
            (await api.show(bearer(token(sub=ada, aud=aud)))).status_code
            for aud in (AUDIENCE, "second", ["x", "second"], "third", f"{AUDIENCE}, second", [])
        ]

    assert answers == [200, 200, 200, 401, 401, 401]


def signed(head: bytes, claims: bytes) -> str:
    """A rightly signed token of this header and payload, whatever they are."""
    parts = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (head, claims))
    signature = RSA[0].sign(parts, PKCS1v15(), SHA256())
    return f"{parts.decode()}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


HEAD = json.dumps({"alg": "RS256", "kid": "one"})


async def test_a_token_is_accepted_in_one_form_only(issuer):
    right = token(sub="ada")
    head, claims, signature = right.split(".")
    # A signature of 256 bytes ends in a character with four bits that decode to nothing.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = signature[:-1] + alphabet[alphabet.index(signature[-1]) + 1]
    forms = [
        *(f"{right}{more}" for more in ("==", "=", "A===", "\n", " ", "~")),
        f"{head}.{claims}.{stray}",
        f"{head}=.{claims}.{signature}",
        f"{head}.{claims}..{signature}",
        f"{head}.{claims}.{signature}.",
        f"{head}.{claims}.{signature.replace('-', '+').replace('_', '/')}+",
    ]

    reasons = {await refusal_reason(issuer, form) for form in forms}

    assert reasons == {
        "the token is not valid: its parts must be base64url without padding",
        "the token is not valid: it must have three parts",
    }


def repeated(claims: dict[str, Any], more: str) -> bytes:
    return f"{json.dumps(claims)[:-1]}, {more}}}".encode()


async def test_no_name_may_come_twice(issuer):
    good = json.dumps(claims_of()).encode()
    twice = {
        "header": signed(HEAD[:-1].encode() + b', "alg": "RS256"}', good),
        "payload": signed(HEAD.encode(), repeated(claims_of(), '"sub": "eve"')),
        "a member of the payload": signed(
            HEAD.encode(), repeated(claims_of(), '"realm": {"a": 1, "a": 2}')
        ),
    }

    reasons = [await refusal_reason(issuer, each) for each in twice.values()]
    async with verifying(issuer) as tokens:
        assert (await tokens.verify(signed(HEAD.encode(), good)))[0] == "ada"

    assert reasons == [f"the token is not valid: its {x} has a name twice" for x in PARTS_OF_THEM]


PARTS_OF_THEM = ("header", "payload", "payload")


async def test_nested_claims_do_not_matter(issuer):
    nested: dict[str, Any] = {"roles": [{"a": [1, {"b": None}]}], "realm": {"x": {"y": [[]]}}}
    async with verifying(issuer) as tokens:
        assert (await tokens.verify(token(sub="ada", **nested)))[0] == "ada"


@pytest.mark.parametrize(
    "head", [{"b64": False}, {"b64": False, "crit": ["b64"]}, {"crit": []}, {"crit": ["a", "a"]}]
)
async def test_a_token_with_an_unencoded_payload_or_unknown_extension_is_refused(issuer, head):
    sent = signed(
        json.dumps({**json.loads(HEAD), **head}).encode(), json.dumps(claims_of()).encode()
    )

    assert await refusal_reason(issuer, sent) == "the token is not valid"


async def test_a_cached_verification_ends_with_the_tokens_expiry(issuer):
    now = [time.time()]
    sent = token(sub="ada", exp=int(now[0]) + 10)
    async with verifying(issuer, now=lambda: now[0]) as tokens:
        _, until = await tokens.verify(sent)

    assert until == int(now[0]) + 10 + 30


async def test_a_cached_verification_ends_when_the_clock_is_set_back(issuer):
    now = [time.time()]
    sent = token(sub="ada", exp=int(now[0]) + 3_600)
    async with verifying(issuer, now=lambda: now[0]) as tokens:
        await tokens.verify(sent)
        now[0] -= 1_800
        _, until = await tokens.verify(sent)

    assert until == now[0] + 60


async def test_keys_are_fetched_once_for_many_tokens(issuer):
    async with verifying(issuer) as tokens:
        await asyncio.gather(*(tokens.verify(token(sub=str(n))) for n in range(10)))

    assert len(issuer.asked) == 1


async def test_a_reload_fetches_the_keys_and_verifies_every_token_anew(issuer):
    async with verifying(issuer) as tokens:
        old, new = token(sub="ada"), token(RSA[1], "two", sub="ada")
        await tokens.verify(old)
        issuer.publish(published(RSA[1], "two"))

        await tokens.reload()

        assert (await tokens.verify(new))[0] == "ada"
        with pytest.raises(InvalidToken):
            await tokens.verify(old)
    assert len(issuer.asked) == 2


async def test_an_unknown_key_id_triggers_a_fetch_but_not_every_time(issuer):
    now = [0.0]
    async with verifying(issuer, clock=lambda: now[0]) as tokens:
        await tokens.verify(token(sub="ada"))
        issuer.publish(published(RSA[1], "two"))
        for n in range(5):  # within the cool-down
            with pytest.raises(InvalidToken, match="not one that its issuer publishes"):
                await tokens.verify(token(RSA[1], f"made up {n}", sub="ada"))
        within = len(issuer.asked)
        now[0] += 31
        rotated = await tokens.verify(token(RSA[1], "two", sub="bob"))
        with pytest.raises(InvalidToken, match="not one that its issuer publishes"):
            await tokens.verify(token(sub="eve"))

    assert (within, len(issuer.asked), rotated[0]) == (1, 2, "bob")


async def test_a_key_that_may_be_new_gets_503_while_keys_cannot_be_fetched(issuer):
    now = [0.0]
    async with verifying(issuer, clock=lambda: now[0]) as tokens:
        await tokens.verify(token(sub="ada"))
        issuer.say(b"", 500)
        now[0] = 31
        for n, key_id in enumerate(("new", None, "other")):
            with pytest.raises(KeysUnavailable):
                await tokens.verify(token(RSA[1], key_id, sub=str(n)))
        known = await tokens.verify(token(sub="bob"))
        with pytest.raises(InvalidToken, match="the token is not valid"):
            await tokens.verify(token(RSA[1], "one", sub="eve"))

    assert (known[0], len(issuer.asked)) == ("bob", 2)


UNUSABLE = {
    "a name twice": (
        json.dumps({"keys": [published(RSA[0], "one")]}).encode()[:-1] + b', "keys": []}',
        200,
        {},
    ),
    "a name of a key twice": (
        json.dumps({"keys": [published(RSA[0], "one")]}).encode()[:-3] + b', "kid": "one"}]}',
        200,
        {},
    ),
    "an error": (b"{}", 500, {}),
    "not JSON": (b"<html>", 200, {}),
    "a list": (b"[]", 200, {}),
    "no keys": (b'{"keys": []}', 200, {}),
    "keys that are none": (b'{"keys": [1, "x", null, {}, {"kid": []}]}', 200, {}),
    "a secret": (b'{"keys": [{"kty": "oct", "k": "AAAA", "kid": "one"}]}', 200, {}),
    "huge": (b" " * 300_000 + json.dumps({"keys": [published(RSA[0], "one")]}).encode(), 200, {}),
    "nested": (b"[" * 100_000, 200, {}),
    "a redirect": (b"", 302, {"Location": "/elsewhere"}),
}


@pytest.mark.parametrize(("body", "status", "headers"), UNUSABLE.values(), ids=UNUSABLE)
async def test_without_keys_a_token_gets_503_and_not_401(issuer, tmp_path, body, status, headers):
    issuer.say(body, status, **headers)
    async with protected(tmp_path, issuer) as api:
        answer = await api.show(bearer(token(sub="ada")))

    assert refusal(answer) == (
        503,
        "UNAVAILABLE",
        "tokens cannot be verified now: try again later",
    )
    assert answer.headers["retry-after"] == "30"
    assert issuer.asked == ["/keys"]


async def test_an_unreachable_issuer_is_like_one_that_fails(tmp_path):
    with an_issuer() as gone:
        pass
    async with verifying(gone) as tokens:
        with pytest.raises(KeysUnavailable):
            await tokens.verify(token(sub="ada"))


async def test_cached_keys_are_used_for_an_hour_while_fetching_fails(issuer):
    now = [0.0]
    async with verifying(issuer, clock=lambda: now[0], now=lambda: time.time() + now[0]) as tokens:
        await tokens.verify(token(sub="a"))
        issuer.say(b"", 500)
        now[0] = 3_500
        still = await tokens.verify(token(sub="b"))
        now[0] = 3_601
        with pytest.raises(KeysUnavailable):
            await tokens.verify(token(sub="c"))
        issuer.publish(published(RSA[0], "one"))
        now[0] = 3_700
        again = await tokens.verify(token(sub="d"))

    assert (still[0], again[0]) == ("b", "d")


async def test_a_slow_issuer_delays_no_other_request(issuer, tmp_path):
    issuer.hang()
    async with protected(tmp_path, issuer) as api:
        _, key = await api.newcomer()
        waiting = asyncio.ensure_future(api.show(bearer(token(sub="ada"))))
        await asyncio.to_thread(issuer.was_asked.wait, 60)

        answers = [await api.show(bearer(key)) for _ in range(3)]
        waited = not waiting.done()
        issuer.ended.set()  # which closes the connection
        response = await waiting

    assert [answer.status_code for answer in answers] == [200] * 3
    assert (waited, response.status_code) == (True, 503)


async def test_a_fetch_has_a_time_limit(issuer):
    issuer.hang()
    async with verifying(issuer, seconds=0.05) as tokens:
        with captured_logs() as logs, pytest.raises(KeysUnavailable):
            await tokens.verify(token(sub="ada"))

    (line,) = logs.lines("signing keys not fetched")
    assert (line["url"], line["reason"]) == (issuer.url, "TimeoutError")
