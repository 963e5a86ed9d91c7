"""Checks a backup without a cluster: every file against its checksum, and every record against the manifest."""

from pathlib import Path

from router.backup.manifest import RUN_AGAIN, Manifest, file_of, read_manifest
from router.backup.record_files import records_in
from router.wire.errors import InputError


def checked(folder: Path) -> Manifest:
    """The manifest of a backup that can be restored.

    Raises:
        InputError: a file is missing, strange or damaged, or has other records than the manifest says.
    """
    manifest = read_manifest(folder)
    for topic in manifest.topics:
        for one in topic.partitions:
            file, last, count = file_of(folder, topic.name, one.partition), -1, 0
            for record in records_in(file):
                last, count = record.offset, count + 1
            if count != one.records or last >= one.end:
                what = f"it has {count} records up to offset {last}; {one.records} before offset {one.end} are in the manifest"
                raise InputError(what, where=str(file), hint=RUN_AGAIN)
    return manifest
