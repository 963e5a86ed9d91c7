"""Bearer tokens (RFC 6750): who sends a request, from the file of hashed tokens or by JWT."""

import asyncio
from pathlib import Path

import structlog

from router.gateway.grants import Grant
from router.gateway.jwt_tokens import INVALID, JwtVerifier, read_jwks
from router.gateway.problems import ProblemError
from router.gateway.token_file import TokenHashes, read_token_file
from router.wire.errors import InputError
from router.wire.settings import Settings

LONGEST_TOKEN = 8192
LOOK_S = 1.0
"""How soon a changed file counts."""
MISSING = "there is no token; send `Authorization: Bearer TOKEN`."
log = structlog.get_logger(__name__)


class Authenticator:
    """Finds what a request's token allows. Both kinds of tokens may be in use at once.

    Args:
        settings: names the files.

    Raises:
        InputError: there is neither file, or one cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.gateway_tokens is None and settings.gateway_jwks is None:
            raise InputError(
                "the gateway has no tokens, so it would take no report",
                where="GRID_ROUTER_GATEWAY_TOKENS",
                hint="name a file that `grid-router tokens add` has made, or set GRID_ROUTER_GATEWAY_JWKS",
            )
        self._settings = settings
        self._stamps = self._stamp()  # before the files: what changes while they are read is read again
        self._hashes, self._verifier = self._read()

    def grant_of(self, authorization: str | None) -> Grant:
        """What the token in the header field `Authorization` allows. Raises ProblemError when there is none, or an invalid one."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise ProblemError("unauthorized", MISSING)
        if len(token) > LONGEST_TOKEN:
            raise ProblemError("unauthorized", INVALID)
        found = self._hashes.grant_of(token)
        if found is not None:
            return found
        if self._verifier is None:
            raise ProblemError("unauthorized", INVALID)
        return self._verifier.grant_of(token)

    async def follow(self) -> None:
        """Read the files again whenever they change; one that cannot be used is logged, and the one before stays in use."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Read the files again if they have changed since the last look."""
        stamps = self._stamp()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._hashes, self._verifier = self._read()
        except InputError as error:
            log.error("changed tokens cannot be used, so those before stay in use", reason=str(error))  # noqa: TRY400
        else:
            log.warning("changed tokens are in use")

    def _read(self) -> tuple[TokenHashes, JwtVerifier | None]:
        settings = self._settings
        hashes = TokenHashes() if settings.gateway_tokens is None else read_token_file(settings.gateway_tokens)
        if settings.gateway_jwks is None:
            return hashes, None
        return hashes, read_jwks(settings.gateway_jwks, settings.gateway_issuer, settings.gateway_audience)

    def _stamp(self) -> list[tuple[int, int, int] | None]:
        return [_stamp_of(file) for file in (self._settings.gateway_tokens, self._settings.gateway_jwks) if file]


def _stamp_of(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_mode
