"""The tokens of receipts: which report, encrypted and authenticated with a key (AES-SIV, RFC 5297), so that no table is needed.

Every gateway of a deployment has the same file of keys. Its lines are `key`, a blank and 64 bytes in hexadecimal digits; the first one
makes tokens, and all read them. Docs: docs/adr/0044-receipts.md.
"""

import os
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Struct

from router.wire.errors import InputError
from router.wire.private_files import others_may_read, write_private

KEY_BYTES = 64
"""Two AES-256 keys: one authenticates, one encrypts."""
MAX_FILE_BYTES = 64 << 10
LONGEST = 256
"""Characters of a token; a report id of 64 characters needs 160."""
PURPOSE = [b"grid-router receipt 1"]
"""Authenticated beside each token: a key that is used for something else makes none."""
_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{22,{LONGEST}}}")
_KEY = re.compile(rf"key ([0-9a-f]{{{2 * KEY_BYTES}}})")
_HINT = "copy the file of the other gateways, or make one with `grid-router tokens receipt-keys FILE`"


class ReceivedReport(Struct, frozen=True, array_like=True):
    """What a token stands for: a record of a network's topic, and the report in it."""

    received_s: int
    """When the gateway received it, in seconds since 1970."""
    network: str
    source_id: str
    partition: int
    offset: int


class ReceiptKeys:
    """Makes and reads tokens.

    Args:
        keys: 64 bytes each, at least one; the first one makes.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [AESSIV(key) for key in keys]

    def token_of(self, report: ReceivedReport) -> str:
        """The token of a report: always the same for the same record."""
        return urlsafe_b64encode(self._keys[0].encrypt(_encode(report), PURPOSE)).rstrip(b"=").decode()

    def report_of(self, token: str) -> ReceivedReport | None:
        """What a token stands for; None if no gateway of the deployment has made it."""
        if not _TOKEN.fullmatch(token):
            return None
        try:
            sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        for key in self._keys:
            try:
                return _decode(key.decrypt(sealed, PURPOSE))
            except (InvalidTag, msgspec.MsgspecError):
                continue
        return None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ReceivedReport).decode


def read_receipt_keys(file: Path) -> ReceiptKeys:
    """The keys of a file. Raises InputError when it cannot be read, others may read it, or a line is wrong."""
    try:
        with file.open("rb") as opened:
            open_to_others = others_may_read(os.fstat(opened.fileno()))
            text = opened.read(MAX_FILE_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"the keys of receipts cannot be read ({why})", where=str(file), hint=_HINT) from error
    if open_to_others:
        raise InputError("others may read the keys of receipts", where=str(file), hint=f"chmod 600 {file}")
    keys: list[bytes] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _KEY.fullmatch(line.strip())
        if found:
            keys.append(bytes.fromhex(found[1]))
        elif line.strip():
            raise InputError("the line is no key", where=f"{file}:{number}", hint=_HINT)
    if not keys:
        raise InputError("the file has no key", where=str(file), hint=_HINT)
    return ReceiptKeys(keys)


def make_receipt_keys(file: Path) -> None:
    """Write a file with a new key.

    Raises:
        InputError: the file exists, because receipts that apps have would be unreadable without it; or it cannot be written.
    """
    if file.exists():
        hint = "keep it, because receipts need it; put a new key in front of the others to replace one"
        raise InputError("the file exists", where=str(file), hint=hint)
    try:
        write_private(file, f"key {secrets.token_hex(KEY_BYTES)}\n".encode())
    except OSError as error:
        hint = "choose a folder that exists and is yours"
        raise InputError(f"it cannot be written ({error.strerror})", where=str(file), hint=hint) from None
