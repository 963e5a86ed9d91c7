"""Where the records of each case are: a file beside the broker's data, brought up to date by each command.

Kafka finds a record by its offset, never by its key. So the file has the partition and offset of each record that an explanation needs. It has
no id, only 64 bits of its hash, and a reader that finds a record by it compares the key. Every row says which offset it is from, and a later
one wins: two commands may write at once, and a command that was cut off loses nothing.
Docs: docs/adr/0035-case-commands.md.
"""

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Literal, NamedTuple

from router.wire.private_files import open_private, private_folder

LAYOUT = 2
"""Of the tables. A file of another layout is made again."""
WAIT_S = 30.0
"""How long a command waits for the write of another."""
_TABLES = """
CREATE TABLE IF NOT EXISTS log (name TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, partition INTEGER NOT NULL, offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS archived (id INTEGER PRIMARY KEY, partition INTEGER NOT NULL, offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS report (id INTEGER PRIMARY KEY, holder INTEGER NOT NULL, archived INTEGER NOT NULL, offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS change (holder INTEGER, partition INTEGER, offset INTEGER, PRIMARY KEY (holder, partition, offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS escalation (holder INTEGER, partition INTEGER, offset INTEGER, PRIMARY KEY (holder, partition, offset)) WITHOUT ROWID;
"""
Journal = Literal["change", "escalation"]
"""What a case has many records of: changes of its tasks, and what was sent about their limits."""


class Place(NamedTuple):
    """Where a record is, in a topic that the caller knows."""

    partition: int
    offset: int


def mark_of(id_: str) -> int:
    """64 bits that stand for an id."""
    return int.from_bytes(blake2b(id_.encode(), digest_size=8).digest(), signed=True)


class CasePositions:
    """The file of positions.

    Args:
        file: it is made if missing; None keeps all in memory.
        logs: names the logs that it describes: the ids of the topics. A file of others is made again.
    """

    def __init__(self, file: Path | None, logs: str) -> None:
        self._database = _opened(file)
        if self._about() != (LAYOUT, logs):
            self._begin(logs)

    def _about(self) -> tuple[int, str]:
        (layout,) = self._database.execute("PRAGMA user_version").fetchone()
        if layout != LAYOUT:
            return layout, ""
        found = self._database.execute("SELECT name FROM log WHERE next = -1").fetchone()
        return layout, found[0] if found else ""

    def _begin(self, logs: str) -> None:
        for table in ("log", "row", "archived", "report", "change", "escalation"):
            self._database.execute(f"DROP TABLE IF EXISTS {table}")
        self._database.executescript(_TABLES)
        self._database.execute("INSERT INTO log VALUES (?, -1)", (logs,))
        self._database.execute(f"PRAGMA user_version = {LAYOUT}")
        self._database.commit()

    def next_offset(self, log: str) -> int:
        """The first offset of a log that it does not know."""
        found = self._database.execute("SELECT next FROM log WHERE name = ?", (log,)).fetchone()
        return 0 if found is None else int(found[0])

    def add_cases(self, found: Iterable[tuple[int, Place]], reports: Iterable[tuple[int, int, int]]) -> None:
        """Take in cases of `grid.cases`.

        Args:
            found: mark and place of each.
            reports: mark of the report, mark of its case, and the offset of that case.
        """
        self._latest("row", found)
        self._database.executemany(
            "INSERT INTO report VALUES (?, ?, 0, ?) ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, archived = 0, "
            "offset = excluded.offset WHERE archived = 1 OR excluded.offset >= offset",
            reports,
        )

    def add_archived(self, found: Iterable[tuple[int, Place]], reports: Iterable[tuple[int, int, int]]) -> None:
        """Take in cases of `grid.archive`. Their reports may be in a later case, which wins."""
        self._latest("archived", found)
        self._database.executemany(
            "INSERT INTO report VALUES (?, ?, 1, ?) ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, "
            "offset = excluded.offset WHERE archived = 1 AND excluded.offset >= offset",
            reports,
        )

    def _latest(self, table: str, found: Iterable[tuple[int, Place]]) -> None:
        self._database.executemany(
            f"INSERT INTO {table} VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET partition = excluded.partition, "  # noqa: S608 - a name of ours
            "offset = excluded.offset WHERE excluded.offset >= offset",
            ((mark, *place) for mark, place in found),
        )

    def add_entries(self, journal: Journal, found: Iterable[tuple[int, Place]]) -> None:
        """Take in transitions or escalations: mark of the case, and place of each."""
        self._database.executemany(
            f"INSERT OR IGNORE INTO {journal} VALUES (?, ?, ?)",  # noqa: S608 - a name of ours
            ((m, *place) for m, place in found),
        )

    def reached(self, log: str, next_offset: int) -> None:
        """Remember how far a log was read, with everything that was taken in of it."""
        self._database.execute(
            "INSERT INTO log VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET next = max(next, excluded.next)",
            (log, next_offset),
        )
        self._database.commit()

    def forget(self) -> None:
        """Begin again: a log is shorter than it was."""
        (logs,) = self._database.execute("SELECT name FROM log WHERE next = -1").fetchone()
        self._begin(logs)

    def case(self, mark: int) -> tuple[Place | None, Place | None]:
        """Where the case is in `grid.cases`, and in `grid.archive`."""
        row = self._database.execute("SELECT partition, offset FROM row WHERE id = ?", (mark,)).fetchone()
        kept = self._database.execute("SELECT partition, offset FROM archived WHERE id = ?", (mark,)).fetchone()
        return (Place(*row) if row else None), (Place(*kept) if kept else None)

    def holder(self, mark: int) -> int | None:
        """Mark of the case that has a report."""
        found = self._database.execute("SELECT holder FROM report WHERE id = ?", (mark,)).fetchone()
        return None if found is None else int(found[0])

    def entries(self, journal: Journal, mark: int) -> list[Place]:
        """Where the transitions or escalations of a case are, in the order of the log."""
        found = self._database.execute(
            f"SELECT partition, offset FROM {journal} WHERE holder = ? ORDER BY partition, offset",  # noqa: S608 - a name of ours
            (mark,),
        )
        return [Place(*row) for row in found]

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _opened(file: Path | None) -> sqlite3.Connection:
    """The database, whose user alone may read it. One that is damaged is made again; one that cannot be written is kept in memory."""
    if file is not None:
        try:
            private_folder(file.parent)
            open_private(file, "ab").close()
            return _connected(file)
        except (OSError, sqlite3.OperationalError):
            pass
        except sqlite3.DatabaseError:
            file.unlink()
            open_private(file, "ab").close()
            return _connected(file)
    return sqlite3.connect(":memory:")


def _connected(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=WAIT_S)
    try:
        database.execute("PRAGMA journal_mode = WAL").fetchone()
        database.execute("PRAGMA synchronous = OFF")  # what is lost is read again
        database.execute("PRAGMA cache_size = -131072")
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database
