"""`python -m tests.support.words [PATH ...]`: banned words in code and docs, from `docs/style/banned-words.csv`.

Reads Python and Markdown. In Python it looks at identifiers (split at underscores and capitals), strings and comments.
Prints `path:line: word; write ... instead`. Exit code 1 when a word is found.
"""

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from tests.support.repository import ROOT

LIST = ROOT / "docs" / "style" / "banned-words.csv"
READ = ("router", "tests", "docs", "README.md", "CONTRIBUTING.md", "SECURITY.md", "RELEASE.md")
SKIPPED = ("docs/style/*", "docs/how-to/upgrade.md", "tests/support/words.py")
"""The list itself and its reader, and the page that names every old name."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")


class Banned(NamedTuple):
    """One row of the list: alternatives joined by `|`."""

    pattern: re.Pattern[str]
    instead: str
    exempt: tuple[str, ...]


def banned_words() -> list[Banned]:
    """The rows of the list, in its order."""
    with LIST.open(encoding="utf-8", newline="") as file:
        return [
            Banned(
                re.compile(rf"\b(?:{row['pattern']})\b", re.IGNORECASE), row["instead"], tuple(row["except"].split())
            )
            for row in csv.DictReader(file)
        ]


def found_in(path: str, text: str, banned: list[Banned]) -> Iterator[str]:
    """One sentence for each banned word of a file, with its line."""
    rows = [row for row in banned if not any(fnmatch(path, one) for one in row.exempt)]
    for number, line in enumerate(text.splitlines(), 1):
        words = _CAMEL.sub(" ", line)
        for row in rows:
            match = row.pattern.search(words)
            if match:
                yield f"{path}:{number}: {match.group(0)!r}; write {row.instead} instead"


def main(paths: list[str]) -> int:
    """Check tracked files below the paths; without any, all that are read."""
    listed = subprocess.run(
        ["git", "ls-files", *(paths or READ)], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    files = [one for one in listed if one.endswith((".py", ".md")) and not any(fnmatch(one, skip) for skip in SKIPPED)]
    banned = banned_words()
    found = [
        one
        for path in files
        if Path(ROOT / path).exists()
        for one in found_in(path, Path(ROOT / path).read_text(encoding="utf-8"), banned)
    ]
    sys.stdout.write("".join(f"{one}\n" for one in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
