"""Loads a city from published texts in a process of its own, bounded in time and memory.

Anyone who may write `grid.rule-sets` can publish a text of a kilobyte that takes minutes to read. Such a text must not hold up a
worker, so another process reads it and hands the city back. `python -m router.cities.apart` is that process: a JSON object on
standard input, a pickled city or a sentence on standard output.
"""

import pickle
import resource
import subprocess
import sys

import msgspec
from msgspec import Struct

from router.cities.packing import InventedVersionError, unpack
from router.domain.rules.city import City
from router.wire.errors import CityError

CPU_SECONDS = 30
"""A city of 40,000 cells takes about five. CPU time, so that a busy machine decides alike."""
MEMORY_BYTES = 4 << 30
WALL_SECONDS = 600.0
"""For a machine that gives the process hardly any CPU."""
SENTENCE = 2
"""Exit code: standard output has the parts of a CityError."""


class _Texts(Struct):
    name: str
    version: str
    texts: dict[str, str]


class _Failure(Struct):
    what: str
    where: str | None
    hint: str
    invented: bool


def unpack_apart(name: str, texts: dict[str, str], version: str) -> City:
    """The city that the texts describe; see `archive.unpack`.

    Raises:
        CityError: the texts have an error, take too long or need too much memory, or are not those of this version.
    """
    given = msgspec.json.encode(_Texts(name, version, texts))
    command = (sys.executable, "-m", "router.cities.apart")
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=WALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _too_large(version) from None
    if done.returncode == 0:
        city: City = pickle.loads(done.stdout)  # noqa: S301 - written by this module a moment ago
        return city
    if done.returncode == SENTENCE:
        failure = msgspec.json.decode(done.stdout, type=_Failure)
        kind = InventedVersionError if failure.invented else CityError
        raise kind(failure.what, where=failure.where, hint=failure.hint)
    raise _too_large(version)


def _too_large(version: str) -> CityError:
    return CityError(
        f"it cannot be read within {CPU_SECONDS} s of CPU time and {MEMORY_BYTES >> 30} GiB",
        where=f"rule set {version[:40]!r}",
        hint="withdraw it, and publish rules that `grid-router catalogue lint` reads",
    )


def _main() -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=_Texts)
    try:
        answer, code = pickle.dumps(unpack(given.name, given.texts, given.version), protocol=5), 0
    except CityError as error:
        failure = _Failure(error.what, error.where, error.hint, isinstance(error, InventedVersionError))
        answer, code = msgspec.json.encode(failure), SENTENCE
    sys.stdout.buffer.write(answer)
    return code


if __name__ == "__main__":
    sys.exit(_main())
