"""`python -m deploy.platforms.generate`: write the files of all platforms; `--check` prints those that differ and exits with 1."""

import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.platforms import compose, container, kubernetes, systemd

DEPLOY = Path(__file__).resolve().parents[1]
FOLDERS = ("container", "compose", "kubernetes", "systemd")
SECRETS = "compose/secrets"
"""Files of an operator: never generated, never compared, in no commit."""


def files() -> dict[str, str]:
    """Path below `deploy` -> text of every file."""
    return {**container.files(), **compose.files(), **kubernetes.files(), **systemd.files()}


def _written(deploy: Path) -> dict[str, str]:
    paths = (path for folder in FOLDERS for path in (deploy / folder).rglob("*") if path.is_file())
    named = {path.relative_to(deploy).as_posix(): path for path in paths}
    return {name: path.read_text(encoding="utf-8") for name, path in named.items() if not name.startswith(SECRETS)}


def main(arguments: Sequence[str], deploy: Path = DEPLOY) -> int:
    """Write the files, or compare them; the exit code."""
    texts, written = files(), _written(deploy)
    different = sorted(name for name in texts.keys() | written.keys() if texts.get(name) != written.get(name))
    for name in different:
        path = deploy / name
        if "--check" in arguments:
            sys.stdout.write(f"deploy/{name} differs from deploy/platforms; run `make platforms`.\n")
        elif name in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[name], encoding="utf-8")
            sys.stdout.write(f"deploy/{name}: written\n")
        else:
            path.unlink()
            sys.stdout.write(f"deploy/{name}: removed\n")
    return 1 if different and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
