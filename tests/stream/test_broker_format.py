"""The data folder of the embedded broker can be made wherever its home is."""

from pathlib import Path

from router.broker.folder import Folder
from router.broker.jars import classpath
from router.broker.java import find_java
from router.broker.process import cluster_id, format_data
from router.wire.settings import Settings


def test_a_cluster_id_may_begin_with_a_hyphen(tmp_path: Path) -> None:
    """One home in 64 has such an id."""
    homes = (Folder(Settings(home=tmp_path / str(number))) for number in range(2000))
    folder = next(folder for folder in homes if cluster_id(folder).startswith("-"))
    folder.root.mkdir(parents=True)
    folder.write(29_999)
    format_data(folder, find_java().path, classpath())
    assert f"cluster.id={cluster_id(folder)}" in (folder.data / "meta.properties").read_text("utf-8").splitlines()
