"""JSON Web Tokens (RFC 7519) of an identity provider, verified with the public keys of a file (JWKS, RFC 7517).

The algorithm is that of the key, never that of the token (RFC 8725, 3.1). Symmetric keys are rejected.
"""

import json
from pathlib import Path
from typing import Any

import jwt

from router.gateway.grants import Grant, ScopeError, read_scope
from router.gateway.problems import ProblemError
from router.wire.errors import InputError

ALGORITHMS = ("EdDSA", "ES256", "ES384", "PS256", "RS256")
"""Algorithms that a key may have. All are asymmetric: the gateway cannot make a token."""
CURVES = {"ES256": "P-256", "ES384": "P-384"}
LEAST_RSA_BITS = 2048
LEEWAY_S = 30
"""How far the clocks of provider and gateway may be apart."""
MAX_FILE_BYTES = 1 << 20
REQUIRED = ["exp", "iss", "aud", "sub"]
PUBLIC_NAME = "jwt"
"""What the access log writes: a subject may be a person."""
INVALID = "the token is not valid; get a new one and send the report again."
"""The one sentence for every invalid token, so that an attacker learns nothing from it."""


class JwtVerifier:
    """Verifies JWTs of one issuer for one audience.

    Args:
        keys: by key id; each has its algorithm.
        issuer: the `iss` that a token must have.
        audience: the `aud` that a token must have.
    """

    def __init__(self, keys: dict[str, jwt.PyJWK], issuer: str, audience: str) -> None:
        self._keys, self._issuer, self._audience = keys, issuer, audience

    def grant_of(self, token: str) -> Grant:
        """What a token allows. Raises ProblemError when it is not valid."""
        try:
            key = self._keys[str(jwt.get_unverified_header(token).get("kid", ""))]
            claims = jwt.decode(
                token,
                key=key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": REQUIRED, "strict_aud": False},
            )
        except (jwt.PyJWTError, KeyError, ValueError, RecursionError):
            raise ProblemError("unauthorized", INVALID) from None
        return self._grant(claims)

    def _grant(self, claims: dict[str, Any]) -> Grant:
        scope = claims.get("scope", "")
        try:
            read = read_scope(scope if isinstance(scope, str) else "")
        except ScopeError:
            raise ProblemError("unauthorized", INVALID) from None
        holder = f"{self._issuer}\n{claims['sub']}"
        return Grant(
            holder=holder,
            public_name=PUBLIC_NAME,
            networks=read.networks,
            areas=read.areas,
            departments=read.departments,
            metrics=read.metrics,
        )


def read_jwks(file: Path, issuer: str | None, audience: str | None) -> JwtVerifier:
    """The verifier with the keys of a file.

    Raises:
        InputError: issuer or audience is missing, the file cannot be read, or a key cannot be used.
    """
    if not issuer or not audience:
        missing = "GRID_ROUTER_GATEWAY_AUDIENCE" if issuer else "GRID_ROUTER_GATEWAY_ISSUER"
        raise InputError("JWTs of any origin would count", where=missing, hint="set it to what your tokens have")
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        entries = list(json.loads(content)["keys"])
    except OSError as error:
        raise InputError(
            f"it cannot be read ({error.strerror})", where=str(file), hint="name a readable file"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError("it is no JWKS", where=str(file), hint='write {"keys": [...]} as RFC 7517 says') from None
    keys = dict(_key(entry, f"{file}, key {number}") for number, entry in enumerate(entries, 1))
    if not keys or len(keys) < len(entries):
        raise InputError(
            "it has no key, or two with one `kid`", where=str(file), hint="give each key a `kid` of its own"
        )
    return JwtVerifier(keys, issuer, audience)


def _key(entry: Any, where: str) -> tuple[str, jwt.PyJWK]:
    hint = f"give it `kid` and an `alg` of {', '.join(ALGORITHMS)}, and its public part only"
    try:
        if "d" in entry:
            raise InputError("it is a private key", where=where, hint=hint)
        if entry["alg"] not in ALGORITHMS or not isinstance(entry["kid"], str) or not entry["kid"]:
            raise InputError("it has no `kid`, or an algorithm that is not taken", where=where, hint=hint)
        key = jwt.PyJWK(entry)
        unfit = _unfit(entry, key)
        if unfit:
            raise InputError(unfit, where=where, hint=f"give it a key for signatures by {entry['alg']}")
        return entry["kid"], key
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise InputError("it is no usable key", where=where, hint=hint) from None


def _unfit(entry: dict[str, Any], key: jwt.PyJWK) -> str:
    """Why a key does not fit its algorithm (RFC 7518, 3.3 and 3.4) or its purpose (RFC 7517, 4.2 and 4.3); empty if it does."""
    if entry.get("use", "sig") != "sig" or "verify" not in entry.get("key_ops", ["verify"]):
        return "it is not for signatures"
    bits = getattr(key.key, "key_size", 0)
    if entry["kty"] == "RSA" and bits < LEAST_RSA_BITS:
        return f"it has fewer than {LEAST_RSA_BITS} bits"
    if entry["kty"] == "EC" and entry.get("crv") != CURVES.get(entry["alg"]):
        return f"it has another curve than {entry['alg']}"
    return ""
