"""What a backup has: one folder with a manifest, a file of records for each partition, and a list of checksums.

    manifest.json                      what was copied, when and from where; written last but for the checksums
    topics/<topic>/<partition>.jsonl.gz
    keys/                              copies of the deployment's keys, only when asked for
    SHA256SUMS                         of every file, as `sha256sum -c` reads it

A folder without checksums is a backup that did not end.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from router.wire.errors import InputError
from router.wire.private_files import write_private

FORMAT = 1
MANIFEST, SUMS, TOPICS, KEYS = "manifest.json", "SHA256SUMS", "topics", "keys"
RUN_AGAIN = "make another backup, or take an older one"


class CopiedPartition(Struct, frozen=True):
    """One partition as it was."""

    partition: int
    records: int
    """Committed records in its file."""
    end: int
    """The next offset that Kafka would have written."""


class CopiedTopic(Struct, frozen=True):
    """One topic as it was."""

    name: str
    config: Mapping[str, str]
    """Its own configuration, without the defaults of the brokers."""
    partitions: Sequence[CopiedPartition]


class CopiedOffset(Struct, frozen=True):
    """The committed offset of a consumer group for one partition."""

    topic: str
    partition: int
    offset: int


class Manifest(Struct, frozen=True, kw_only=True):
    """The whole backup."""

    format: int
    made_at: datetime
    router: str
    """Version that made it."""
    namespace: str
    topics: Sequence[CopiedTopic]
    groups: Mapping[str, Sequence[CopiedOffset]]
    keys: Mapping[str, Sequence[str]]
    """Setting -> fingerprints of the keys in its file, or of the whole file, at the time of the backup. No key can be computed from them."""

    @property
    def records(self) -> int:
        """How many records it has."""
        return sum(one.records for topic in self.topics for one in topic.partitions)


def file_of(folder: Path, topic: str, partition: int) -> Path:
    """The file with the records of a partition."""
    return folder / TOPICS / topic / f"{partition}.jsonl.gz"


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, then the checksums of all files. Raises OSError."""
    write_private(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    files = sorted(one for one in folder.rglob("*") if one.is_file() and one != folder / SUMS)
    sums = "".join(f"{digest_of(file)}  {file.relative_to(folder)}\n" for file in files)
    write_private(folder / SUMS, sums.encode())


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup, after every file was compared with its checksum.

    Raises:
        InputError: the folder is no backup, is of a later version, or is damaged. The sentence names the file.
    """
    try:
        for name, digest in _sums(folder):
            if digest_of(folder / name) != digest:
                raise InputError("the file differs from its checksum", where=str(folder / name), hint=RUN_AGAIN)
        content = (folder / MANIFEST).read_bytes()
        found = msgspec.json.decode(content, type=Manifest)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)[:100]
        raise InputError(f"this is no complete backup ({why})", where=str(folder), hint=RUN_AGAIN) from error
    if found.format != FORMAT:
        hint = "use the version of the router that made it, or a later one"
        raise InputError(f"the backup has the format {found.format}, not {FORMAT}", where=str(folder), hint=hint)
    return found


def _sums(folder: Path) -> Iterator[tuple[str, str]]:
    names = []
    for line in (folder / SUMS).read_text("ascii").splitlines():
        digest, _, name = line.partition("  ")
        names.append(name)
        yield name, digest
    strange = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()} - {*names, SUMS}
    if strange:
        raise ValueError(f"{min(strange)} has no checksum")


def digest_of(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits. Raises OSError."""
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def fingerprints(file: Path | None) -> list[str]:
    """A fingerprint for each key of a file of keys; of the whole file when no line of it is one. Raises OSError."""
    if file is None:
        return []
    content = file.read_bytes()
    keys = [line.strip() for line in content.splitlines() if line.strip().startswith(b"key ")]
    return [sha256(key).hexdigest()[:16] for key in keys or [content]]
