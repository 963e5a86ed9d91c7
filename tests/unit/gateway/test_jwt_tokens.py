"""JWTs: what an attacker changes about a token, it is not valid any more."""

import asyncio
import base64
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from router.gateway.jwt_tokens import INVALID, JwtVerifier, read_jwks
from router.gateway.problems import ProblemError
from router.wire.errors import InputError
from tests.support.city_messages import CALL
from tests.support.gateway import TestedGateway

ISSUER, AUDIENCE = "https://id.example.org", "grid-router"
OKP = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}
KEY = OKP | {
    "kid": "k1",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
}
"""The example key of RFC 8037, A.1."""
OTHER = OKP | {
    "kid": "k2",
    "x": "j5netDbD3VDnPKotNQb20xBuB5gmRpKhtHFrNE5fKl4",
    "d": "nGN614KxqHir0ep_GsRA6UTTB7OpUP5oLXr0-wA2X4c",
}


def public(key: dict[str, str], **more: Any) -> dict[str, Any]:
    """The public part of a key."""
    return {name: value for name, value in key.items() if name != "d"} | more


def jwks(folder: Path, *keys: Any) -> Path:
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": list(keys)}))
    return file


@pytest.fixture
def verifier(tmp_path: Path) -> JwtVerifier:
    return read_jwks(jwks(tmp_path, public(KEY), public(OTHER)), ISSUER, AUDIENCE)


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "worker-7",
        "exp": now + 300,
        "iat": now,
        "scope": "report:policing area:4109",
    }
    return {name: value for name, value in (base | more).items() if value is not None}


def signed(key: Any = KEY, algorithm: str = "EdDSA", headers: dict[str, Any] | None = None, **more: Any) -> str:
    return jwt.encode(
        claims(**more),
        jwt.PyJWK(key) if isinstance(key, dict) else key,
        algorithm=algorithm,
        headers={"kid": "k1", **(headers or {})},
    )


def unsigned(header: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims()).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def with_public_key_as_secret() -> str:
    head, body, _ = unsigned({"alg": "HS256", "kid": "k1", "typ": "JWT"}).split(".")
    secret = base64.urlsafe_b64decode(KEY["x"] + "=")
    mac = hmac.digest(secret, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def test_a_valid_token_has_the_networks_and_areas_of_its_scope(verifier: JwtVerifier) -> None:
    grant = verifier.grant_of(signed())
    assert (grant.networks, grant.areas) == ({"policing"}, ("4109",))
    assert "worker-7" in grant.holder
    assert "worker-7" not in grant.public_name
    assert verifier.grant_of(signed(OTHER, headers={"kid": "k2"}, aud=["x", AUDIENCE])).networks == {"policing"}


def test_a_jwt_and_a_token_of_the_file_may_be_in_use_at_once(tmp_path: Path) -> None:
    async def run() -> list[tuple[int, str | None]]:
        settings = {"gateway_jwks": jwks(tmp_path, public(KEY)), "gateway_issuer": ISSUER, "gateway_audience": AUDIENCE}
        gateway = TestedGateway(tmp_path / "gateway", **settings)
        found = []
        for network, token in (
            ("policing", signed()),
            ("policing", signed(scope="report:policing area:4101")),
            ("urban-management", signed()),
            ("policing", FORGED["no algorithm"]),
            ("policing", ""),
        ):
            answered = await gateway.send(network, CALL, token=token)
            found.append((answered.status_code, answered.json()["code"]))
        await gateway.close()
        assert [line.get("holder") for line in gateway.log] == ["jwt", "jwt", "jwt", None, "every"]
        return found

    assert asyncio.run(run()) == [
        (503, "kafka-away"),
        (403, "area-not-granted"),
        (403, "network-not-granted"),
        (401, "unauthorized"),
        (503, "kafka-away"),
    ]


@pytest.mark.parametrize("scope", [None, "", "openid profile", 5, "report:", "report:Policing", "area:4109"])
def test_a_token_without_a_scope_of_ours_is_for_no_network(verifier: JwtVerifier, scope: Any) -> None:
    assert verifier.grant_of(signed(scope=scope)).networks == frozenset()


@pytest.mark.parametrize(
    "area",
    [
        "area:41-09",
        "area:*",
        "area:",
        "area:4",
        "area:4109x",
        "area:4109 area:x",
        "Area:4109",
        "x " * 2040 + "area:4109",
    ],
)
def test_a_token_whose_area_cannot_be_read_is_not_for_the_whole_city(verifier: JwtVerifier, area: str) -> None:
    for scope in (f"report:policing {area}", f"department:police {area}"):
        with pytest.raises(ProblemError) as raised:
            verifier.grant_of(signed(scope=scope))
        assert (raised.value.code, raised.value.detail) == ("unauthorized", INVALID)


@pytest.mark.parametrize("more", ["report:", "report:**", "department:*x", "metrics:", "openid", "areas", "report:*:x"])
def test_a_word_that_says_nothing_allows_nothing_more(verifier: JwtVerifier, more: str) -> None:
    with_word = verifier.grant_of(signed(scope=f"report:policing area:4109 {more}"))
    assert with_word == verifier.grant_of(signed(scope="report:policing area:4109"))


FORGED = {
    "expired": signed(exp=int(time.time()) - 60),
    "not yet": signed(nbf=int(time.time()) + 600),
    "issued in the future": signed(iat=int(time.time()) + 600),
    "wrong audience": signed(aud="other"),
    "wrong audiences": signed(aud=["other", "third"]),
    "wrong issuer": signed(iss="https://evil.example.org"),
    **{f"without {name}": signed(**{name: None}) for name in ("exp", "iss", "aud", "sub")},
    "another key": signed(OTHER),
    "the other key's id": signed(headers={"kid": "k2"}),
    "unknown key": signed(headers={"kid": "k3"}),
    "path as key": signed(headers={"kid": "../../dev/null"}),
    "its own key": signed(headers={"jwk": public(OTHER), "jku": "http://127.0.0.1/"}, key=OTHER),
    "no algorithm": unsigned({"alg": "none", "kid": "k1"}),
    "No algorithm": unsigned({"alg": "None", "kid": "k1"}),
    "no signature": unsigned({"alg": "EdDSA", "kid": "k1"}),
    "empty signature": unsigned({"alg": "EdDSA", "kid": "k1"}, b"\0" * 64),
    "list as key": unsigned({"alg": "EdDSA", "kid": ["k1"]}),
    "no key": unsigned({"alg": "EdDSA"}),
    "algorithm missing": unsigned({"kid": "k1"}),
    "public key as secret": with_public_key_as_secret(),
    "symmetric": jwt.encode(claims(), "x" * 32, algorithm="HS256", headers={"kid": "k1"}),
    "cut": signed()[:-4] + "AAAA",
    "no JSON": "a.b.c",
    "dots": "...",
    "surrogates": "\udcff.\udcff.\udcff",
    "brackets": "[" * 5000,
}


@pytest.mark.parametrize("what", FORGED)
def test_any_other_token_is_rejected_with_one_sentence(verifier: JwtVerifier, what: str) -> None:
    with pytest.raises(ProblemError) as raised:
        verifier.grant_of(FORGED[what])
    assert (raised.value.code, raised.value.detail) == ("unauthorized", INVALID)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ([], "no key"),
        ([public(KEY), public(OTHER, kid="k1")], "two with one `kid`"),
        ([public(KEY, alg="HS256")], "not taken"),
        ([public(KEY, alg="none")], "not taken"),
        ([{"kty": "oct", "k": "AAAA", "kid": "k1", "alg": "HS256"}], "not taken"),
        ([{"kty": "oct", "k": "AAAA", "kid": "k1", "alg": "EdDSA"}], "no usable key"),
        ([public(KEY, kid="")], "no `kid`"),
        ([public(KEY, d="AAAA")], "private key"),
        ([public(KEY, x="AA")], "no usable key"),
        ([5], "no usable key"),
    ],
)
def test_a_key_that_proves_nothing_is_rejected(tmp_path: Path, keys: list[Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_jwks(jwks(tmp_path, *keys), ISSUER, AUDIENCE)


def rsa_key(bits: int, **more: Any) -> dict[str, Any]:
    key = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, bits).public_key()))
    return {name: value for name, value in key.items() if name != "key_ops"} | {"kid": "r", "alg": "RS256"} | more


def ec_key(curve: ec.EllipticCurve, alg: str) -> dict[str, Any]:
    return json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(curve).public_key())) | {"kid": "e", "alg": alg}


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (rsa_key(1024), "fewer than 2048 bits"),
        (rsa_key(2048, use="enc"), "not for signatures"),
        (rsa_key(2048, key_ops=["encrypt"]), "not for signatures"),
        (ec_key(ec.SECP384R1(), "ES256"), "another curve than ES256"),
        (ec_key(ec.SECP256R1(), "ES384"), "another curve than ES384"),
        (public(KEY, use="enc"), "not for signatures"),
    ],
)
def test_a_weak_key_or_one_for_something_else_is_rejected(tmp_path: Path, key: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_jwks(jwks(tmp_path, key), ISSUER, AUDIENCE)


@pytest.mark.parametrize(
    "key",
    [
        rsa_key(2048, use="sig"),
        rsa_key(2048, alg="PS256", key_ops=["verify"]),
        ec_key(ec.SECP256R1(), "ES256"),
        ec_key(ec.SECP384R1(), "ES384"),
    ],
)
def test_a_key_as_its_algorithm_asks_is_taken(tmp_path: Path, key: dict[str, Any]) -> None:
    assert read_jwks(jwks(tmp_path, key), ISSUER, AUDIENCE)


@pytest.mark.parametrize(("issuer", "audience"), [(None, AUDIENCE), (ISSUER, None), ("", AUDIENCE)])
def test_issuer_and_audience_are_required(tmp_path: Path, issuer: str | None, audience: str | None) -> None:
    with pytest.raises(InputError, match="GRID_ROUTER_GATEWAY_"):
        read_jwks(jwks(tmp_path, public(KEY)), issuer, audience)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": 5}', "[" * 100_000])
def test_a_file_that_is_no_jwks_is_rejected(tmp_path: Path, text: str) -> None:
    (tmp_path / "jwks.json").write_text(text)
    with pytest.raises(InputError, match="no JWKS"):
        read_jwks(tmp_path / "jwks.json", ISSUER, AUDIENCE)
