"""The file of hashed tokens: a line each, `<name> <sha256> <scope>`. The tokens themselves are nowhere but with their apps.

    # name          SHA-256 of the token    scope
    inspector-app   9f86d081884c7d65...     report:urban-management report:governance area:410902

A token has 256 random bits, so its hash needs neither salt nor stretching.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from router.gateway.grants import Grant, ScopeError, read_scope
from router.wire.errors import InputError
from router.wire.private_files import FILE_MODE, open_private, others_may_read

PREFIX = "grt_"
"""How every token begins, so that scanners find one in a repository or a log."""
MAX_FILE_BYTES = 1 << 20
MAX_TOKENS = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")
_HINT = "write `<name> <sha256> report:<network> ...`, or let `grid-router tokens add` do it"


class HashedToken(Struct, frozen=True):
    """One line of the file."""

    digest: bytes
    grant: Grant


class TokenHashes:
    """The hashed tokens of a file."""

    def __init__(self, tokens: Sequence[HashedToken] = ()) -> None:
        self._tokens = tuple(tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def grants(self) -> list[Grant]:
        """What each token allows, in the order of the file."""
        return [one.grant for one in self._tokens]

    def grant_of(self, token: str) -> Grant | None:
        """What a token allows, None if it is not in the file. Takes equally long for any token: every hash is compared."""
        digest, found = hash_of(token), None
        for one in self._tokens:
            if hmac.compare_digest(one.digest, digest):
                found = one.grant
        return found


def hash_of(token: str) -> bytes:
    """The SHA-256 of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_token() -> str:
    """A token with 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def read_token_file(file: Path) -> TokenHashes:
    """The tokens of a file that only its user may read, or of root and its group.

    Raises:
        InputError: it cannot be read, others may read it, or a line is wrong.
    """
    try:
        if others_may_read(file.stat()):
            raise InputError(
                "others than its user may read the file", where=str(file), hint=f"run `chmod {FILE_MODE:o} {file}`"
            )
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        text = content.decode()
    except OSError as error:
        hint = "name a readable file, or make one with `grid-router tokens add`"
        raise InputError(f"it cannot be read ({error.strerror})", where=str(file), hint=hint) from None
    except UnicodeDecodeError:
        raise InputError("it is no text", where=str(file), hint=_HINT) from None
    if len(content) > MAX_FILE_BYTES:
        raise InputError(
            f"it has more than {MAX_FILE_BYTES >> 20} MiB", where=str(file), hint="give each app one token"
        )
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.partition("#")[0].strip()]
    if len(lines) > MAX_TOKENS:
        raise InputError(f"it has more than {MAX_TOKENS} tokens", where=str(file), hint="use JWTs instead")
    tokens = [_token(line, f"{file}:{number}") for number, line in lines]
    _check_distinct(tokens, file)
    return TokenHashes(tokens)


def add_token(file: Path, name: str, scope: str) -> str:
    """Append a new token to a file, which is made if it is missing; the token, which is stored nowhere.

    Raises:
        InputError: the file cannot be read or written, the name is taken, or name or scope is wrong.
    """
    token = new_token()
    line = f"{name} {hash_of(token).hex()} {scope}"
    added = _token(line, name)
    known = read_token_file(file) if file.exists() else TokenHashes()
    if name in [one.holder for one in known.grants]:
        raise InputError(
            "there is a token of this name", where=name, hint="remove its line first, or choose another name"
        )
    if len(known) >= MAX_TOKENS:
        raise InputError(f"it has {MAX_TOKENS} tokens", where=str(file), hint="use JWTs instead")
    try:
        begins = file.read_bytes()[-1:] not in {b"", b"\n"} if file.exists() else False
        with open_private(file, "ab") as opened:
            opened.write(f"{chr(10) if begins else ''}{added.grant.holder} {added.digest.hex()} {scope}\n".encode())
    except OSError as error:
        hint = "choose a folder that exists and is yours"
        raise InputError(f"it cannot be written ({error.strerror})", where=str(file), hint=hint) from None
    return token


def _token(line: str, where: str) -> HashedToken:
    name, digest, scope = (*line.partition("#")[0].split(maxsplit=2), "", "", "")[:3]
    if not _NAME.fullmatch(name):
        raise InputError("a name is lower-case letters, digits, hyphens and dots", where=where, hint=_HINT)
    if not _HASH.fullmatch(digest):
        raise InputError("the hash is not 64 hexadecimal digits", where=where, hint=_HINT)
    try:
        read = read_scope(scope)
    except ScopeError as error:
        raise InputError(str(error), where=where, hint=_HINT) from None
    if read.unknown:
        what = (
            f"{read.unknown[0][:40]!r} is none of `report:<network>`, `area:<digits>`, `department:<id>` and `metrics`"
        )
        raise InputError(what, where=where, hint=_HINT)
    if not read.networks and not read.departments and not read.metrics:
        raise InputError("the token is for no network and no department", where=where, hint=_HINT)
    grant = Grant(
        holder=name,
        public_name=name,
        networks=read.networks,
        areas=read.areas,
        departments=read.departments,
        metrics=read.metrics,
    )
    return HashedToken(bytes.fromhex(digest), grant)


def _check_distinct(tokens: Sequence[HashedToken], file: Path) -> None:
    for what, values in (("name", [one.grant.holder for one in tokens]), ("hash", [one.digest for one in tokens])):
        if len(set(values)) < len(values):
            raise InputError(f"a {what} stands there twice", where=str(file), hint="give each app a token of its own")
