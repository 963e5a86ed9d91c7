"""What a reporting network is to the router, and what its translator makes of one message.

A network is one file: its source schema (pydantic, as its field writes it) and `draft`, which says the same in the
router's words (Message Translator, EIP). Matters and cells are not its business: code tables and the cell registry,
which are a city's data, find them afterwards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from router.domain.cells.registry import Claim
from router.domain.model.report import Media
from router.domain.model.vocabulary import Certainty, Severity, Status, Urgency

NO_EXTENSIONS: dict[str, Any] = {}
"""Shared by all drafts without extensions; never written to."""


class Message(BaseModel):
    """Base of source schemas: known fields are exact, unknown ones are kept for the extension map."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False, validate_by_name=False)

    def unknown(self) -> dict[str, Any]:
        """The fields that the schema does not name, as they came; do not change it."""
        return self.model_extra or NO_EXTENSIONS


class Draft(Struct, frozen=True, gc=False, kw_only=True):
    """One source message in the router's words, before its matter and its cell are known."""

    source_id: str
    """The source's own id: unique in its network, at most 64 printable ASCII characters."""
    codes: tuple[str, ...]
    """The class as the source coded it, most specific first; the first that the code table knows decides."""
    code_version: str | None = None
    occurred_at: datetime
    """UTC."""
    reported_at: datetime
    """UTC."""
    claim: Claim
    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
    certainty: Certainty = "Unknown"
    component_id: str | None = None
    description: str = ""
    reporter: str | None = None
    media: tuple[Media, ...] = ()
    extensions: Mapping[str, Any] = NO_EXTENSIONS


@dataclass(frozen=True, slots=True)
class Network:
    """A reporting network (网络): its name, its source schema, its translator."""

    name: str
    """Lower case with hyphens: its topic is `reports.<name>`, its code table `codes/<name>.csv`."""
    title: str
    title_zh: str
    schema: type[BaseModel]
    """What its messages are; a discriminated union is a RootModel."""
    id_field: str
    """The field, as the source spells it, that holds the source's own id."""
    draft: Callable[[Any, tzinfo], Draft]
    """A valid message of `schema`, and the city's zone for wall times, to a draft. Total: it never raises."""
