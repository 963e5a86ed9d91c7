"""`access.yaml` of a city: how many bytes per second each kind of user may write and read. It is no part of a rule set."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from router.cities.cell_files import read_parameters
from router.wire.access_rights import QUOTA_KINDS, ByteRates, QuotaKind

FILE = "access.yaml"
Rate = Annotated[int, Field(ge=1024, le=1 << 40)]


class RatesOfKind(BaseModel):
    """Bytes per second of one user at one broker."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    writes: Rate | None = None
    reads: Rate | None = None


class AccessFile(BaseModel):
    """The content of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quotas: dict[QuotaKind, RatesOfKind]


def read_quotas(folder: Path) -> dict[str, ByteRates] | None:
    """The quotas of a city's folder, by kind of user; a kind that is not named has none. None: the folder has no such file.

    Raises:
        CityError: the file is invalid.
    """
    file = folder / FILE
    if not file.exists():
        return None
    given = read_parameters(AccessFile, file, "docs/how-to/manage-access.md").quotas
    named = {kind: given.get(kind, RatesOfKind()) for kind in QUOTA_KINDS}
    return {kind: ByteRates(writes=rates.writes, reads=rates.reads) for kind, rates in named.items()}
