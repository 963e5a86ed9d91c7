"""Released schemas that a later release ends on purpose: which, when, why, and what a reader does.

A schema that disappears breaks its promise, unless it is declared here. The declaration excuses this one file and
nothing else. `grid-router schemas release` copies the declarations that take effect into `release.json`.
"""

from collections.abc import Sequence

from msgspec import Struct


class EndedSchema(Struct, frozen=True, kw_only=True):
    """One released schema that ends."""

    path: str
    """Path of the schema that ends, relative to the folder of schemas."""
    version: str
    """The release that ends it."""
    replaced_by: str
    """Path of the schema that replaces it."""
    reason: str
    """One clause, without a full stop."""
    hint: str
    """What its users do, one clause without a full stop."""

    def __str__(self) -> str:
        return f"{self.path}: ends in {self.version}, because {self.reason}; {self.hint}."


ENDED: Sequence[EndedSchema] = (
    EndedSchema(
        path="city/merging.v1.json",
        version="0.2.0",
        replaced_by="city/merging.v2.json",
        reason="the keys of merging.yaml have the names that the field uses",
        hint="rename the keys as `grid-router catalogue lint` says (docs/how-to/upgrade.md)",
    ),
)
"""Every declared end. An entry stays here for as long as a release that promises its schema is compared with."""
