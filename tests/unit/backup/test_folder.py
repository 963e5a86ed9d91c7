"""The folder of a backup: what is written is read again, and what is damaged, missing or strange is one sentence."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from router.backup.check import checked
from router.backup.manifest import CopiedPartition, CopiedTopic, Manifest, file_of, fingerprints, write_manifest
from router.backup.record_files import CopiedRecord, RecordFile, records_in
from router.wire.errors import InputError

RECORDS = [
    CopiedRecord(7, 1_700_000_000_000, b"k", b"\xff\x00", [("ce_id", b"1"), ("ce_id", b"2"), ("none", None)]),
    CopiedRecord(9, -1, None, b""),
    CopiedRecord(12, 0, b"", None, [("caf\\xe9", b"a name that was no UTF-8")]),
]


def backup(folder: Path, *, records: int = 3, end: int = 20, format_: int = 1) -> Path:
    with RecordFile(file_of(folder, "t", 0)) as file:
        for one in RECORDS:
            file.add(one)
    topic = CopiedTopic("t", {"retention.ms": "-1"}, [CopiedPartition(0, records, end)])
    write_manifest(
        folder,
        Manifest(
            format=format_,
            made_at=datetime(2026, 11, 30, tzinfo=UTC),
            router="0",
            namespace="",
            topics=[topic],
            groups={},
            keys={},
        ),
    )
    return folder


def test_records_are_read_as_they_were(tmp_path: Path) -> None:
    backup(tmp_path)
    assert list(records_in(file_of(tmp_path, "t", 0))) == RECORDS
    assert checked(tmp_path).records == 3
    with gzip.open(file_of(tmp_path, "t", 0), "rt", encoding="ascii") as file:
        assert json.loads(file.readline())[:4] == [7, 1_700_000_000_000, "aw==", "/wA="]


def test_equal_records_give_an_equal_file(tmp_path: Path) -> None:
    one, other = (file_of(backup(tmp_path / name), "t", 0).read_bytes() for name in ("a", "b"))
    assert one == other


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = backup(tmp_path / "b")
    assert {oct(one.stat().st_mode & 0o077) for one in (folder, *folder.rglob("*"))} == {"0o0"}


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: file_of(folder, "t", 0).write_bytes(b"?"), r"0\.jsonl\.gz: the file differs from its checksum"),
        (lambda folder: file_of(folder, "t", 0).unlink(), "no complete backup .No such file"),
        (lambda folder: (folder / "strange").touch(), "strange has no checksum"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "no complete backup"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), r"manifest\.json: the file differs"),
        (lambda folder: backup(folder, format_=2), "has the format 2, not 1"),
        (lambda folder: backup(folder, records=4), "it has 3 records up to offset 12; 4 before offset 20 are"),
        (lambda folder: backup(folder, end=12), "it has 3 records up to offset 12; 3 before offset 12 are"),
    ],
)
def test_a_folder_that_is_no_whole_backup(tmp_path: Path, damage: Callable[[Path], object], sentence: str) -> None:
    damage(backup(tmp_path))
    with pytest.raises(InputError, match=sentence):
        checked(tmp_path)


def test_offsets_that_do_not_rise_and_a_file_that_ends_within_a_record(tmp_path: Path) -> None:
    with RecordFile(tmp_path / "a") as file:
        file.add(RECORDS[1])
        file.add(RECORDS[0])
    with pytest.raises(InputError, match="offset 7 follows 9"):
        list(records_in(tmp_path / "a"))
    with RecordFile(tmp_path / "b") as file:
        file.add(RECORDS[0])
    (tmp_path / "b").write_bytes((tmp_path / "b").read_bytes()[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        list(records_in(tmp_path / "b"))


def test_a_fingerprint_is_no_key(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("key aa\ntrust-until 2026-11-30T09:00:00+00:00\nkey bb\n")
    found = fingerprints(file)
    assert len(set(found)) == 2
    assert all(len(one) == 16 and one != "aa" for one in found)
    (tmp_path / "tokens").write_text("app-1 scope\n")
    (one,) = fingerprints(tmp_path / "tokens")  # a file without lines of keys has one as a whole
    assert one == sha256(b"app-1 scope\n").hexdigest()[:16]
