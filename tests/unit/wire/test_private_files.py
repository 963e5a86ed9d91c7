"""Who may read a file of secrets: its user alone, or the group of a file of root."""

import os
from pathlib import Path

import pytest

from router.wire.private_files import others_may_read

ROOT, USER = 0, 65532


def status(mode: int, owner: int) -> os.stat_result:
    return os.stat_result((0o100000 | mode, 0, 0, 1, owner, USER, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "owner", "others"),
    [
        (0o600, USER, False),
        (0o400, ROOT, False),
        (0o640, USER, True),  # the owner can do without the group
        (0o440, ROOT, False),  # as Kubernetes and systemd mount a secret
        (0o640, ROOT, False),
        (0o660, ROOT, True),  # the group may change it
        (0o444, ROOT, True),
        (0o644, USER, True),
    ],
)
def test_a_file_of_root_may_be_readable_by_its_group(mode: int, owner: int, others: bool) -> None:
    assert others_may_read(status(mode, owner)) == others


def test_it_reads_the_status_of_a_real_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.touch(0o600)
    assert not others_may_read(file.stat())
    file.chmod(0o644)
    assert others_may_read(file.stat())
