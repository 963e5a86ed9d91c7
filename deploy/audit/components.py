"""What runs: the Python packages of `requirements.lock` and the jars of `router/broker/kafka.lock`, with their licences.

Nothing is fetched. The licence of a package is in the metadata of the installed one, the licence of a jar in its POM or the POM's parent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from defusedxml.ElementTree import parse
from packaging.requirements import Requirement

from router.broker.jars import cache_folder, locked
from router.wire.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
LOCK = "requirements.lock"
JAR_LOCK = "router/broker/kafka.lock"
_POM = "{http://maven.apache.org/POM/4.0.0}"


@dataclass(frozen=True, slots=True)
class Component:
    """A package or a jar.

    Args:
        kind: `pypi` or `maven`, as in package URLs.
        group: of a jar; empty for a package.
        name: as its registry has it.
        version: of the installed one.
        versions: as locked; more than one where it depends on the version of Python.
        said: what its own metadata say of its licence, the most exact first; often names that SPDX does not have.
        home: its page; None when its metadata name none.
        sha256: of the locked file; empty for a package, which has many files.
    """

    kind: str
    group: str
    name: str
    version: str
    versions: str
    said: tuple[str, ...]
    home: str | None
    sha256: str = ""


def components(root: Path = ROOT) -> list[Component]:
    """Everything that runs, packages first, by name.

    Raises:
        InputError: a locked package or jar is not installed here.
    """
    return [*packages((root / LOCK).read_text("utf-8")), *jars()]


def packages(lock: str) -> Iterator[Component]:
    """The packages of a lock that this machine's markers select."""
    entries = [Requirement(line.removesuffix("\\")) for line in lock.splitlines() if line[:1].isalnum()]
    for wanted in entries:
        if wanted.marker is None or wanted.marker.evaluate():
            yield _package(wanted, [_version(one) for one in entries if one.name == wanted.name])


def _package(wanted: Requirement, versions: list[str]) -> Component:
    version = _version(wanted)
    try:
        found = distribution(wanted.name)
    except PackageNotFoundError:
        found = None
    if found is None or found.version != version:
        raise InputError(
            f"{wanted.name} {version} is locked and not installed", where=LOCK, hint="run `make setup` again"
        )
    return Component("pypi", "", wanted.name, version, " or ".join(versions), _said(found), _home(found))


def _version(locked_one: Requirement) -> str:
    return next(iter(locked_one.specifier)).version


def _said(found: Distribution) -> tuple[str, ...]:
    """The licence expression, the first line of the free text, and the classifiers, as far as there are any."""
    fields = found.metadata
    classifiers = [one for one in fields.get_all("Classifier") or [] if one.startswith("License ::")]
    text = (fields.get("License") or "").strip().partition("\n")[0]
    named = " AND ".join(one.rpartition(" :: ")[2] for one in classifiers)
    return tuple(one for one in (fields.get("License-Expression"), text, named) if one)


def _home(found: Distribution) -> str | None:
    links = dict(one.split(", ", 1) for one in found.metadata.get_all("Project-URL") or [])
    named = {name.lower(): link for name, link in links.items()}
    return found.metadata.get("Home-page") or next(
        (named[name] for name in ("homepage", "home", "source", "repository", "source code", "code") if name in named),
        next(iter(named.values()), None),
    )


def jars(repository: Path | None = None) -> Iterator[Component]:
    """The jars of the embedded broker, by file name. Raises InputError when one was not fetched with its POM."""
    repository = repository or cache_folder() / "repository"
    poms = {path.stem: path for path in sorted(repository.rglob("*.pom"))}
    for file, sha256 in locked().items():
        if (pom := poms.get(Path(file).stem)) is None:
            raise InputError(
                f"{file} is locked and not fetched", where=JAR_LOCK, hint="run `grid-router broker install`"
            )
        version = pom.parent.name
        group = ".".join(pom.relative_to(repository).parts[:-3])
        said, home = _read_pom(pom, poms)
        yield Component("maven", group, pom.parent.parent.name, version, version, said, home, sha256)


def _read_pom(pom: Path, poms: dict[str, Path]) -> tuple[tuple[str, ...], str | None]:
    """Licences and page of a POM; what it does not say, its parent says."""
    project = parse(pom).getroot()
    names = [name.strip() for one in project.iter(f"{_POM}license") if (name := one.findtext(f"{_POM}name"))]
    said, home = (" AND ".join(names),) if names else (), project.findtext(f"{_POM}url")
    parent = project.find(f"{_POM}parent")
    if parent is not None and not (said and home):
        key = f"{parent.findtext(f'{_POM}artifactId')}-{parent.findtext(f'{_POM}version')}"
        if key in poms:
            inherited = _read_pom(poms[key], poms)
            return said or inherited[0], home or inherited[1]
    return said, home
