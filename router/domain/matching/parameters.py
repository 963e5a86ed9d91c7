"""The merge parameters (归并): a city's `merging.yaml`. Every number that decides whether two reports are one case is data."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from router.domain.geometry import METRES_PER_DEGREE

Share = Annotated[float, Field(ge=0, le=1)]
Score = Annotated[float, Field(gt=0, le=1)]
Hours = Annotated[int, Field(ge=1, le=24 * 366)]
Metres = Annotated[float, Field(ge=0, le=2000)]


class Pair(NamedTuple):
    """How two matters relate. It is the same in both directions, so the order of arrival does not matter."""

    affinity: float
    """Their affinity."""
    window_us: int
    """The longer of their windows."""
    base_m: float
    """The larger of their base distances."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Thresholds(_Strict):
    """Scores above 0, what unlike matters have, to 1: from `merge` on reports are one case, from `suggest` on perhaps."""

    merge: Score
    suggest: Score

    @model_validator(mode="after")
    def _ordered(self) -> "Thresholds":
        if self.suggest > self.merge:
            raise ValueError("`suggest` must not be above `merge`")
        return self


class SearchRadius(_Strict):
    """How far apart two reports of one thing may lie: `base_m` and a part of both accuracies, at most `max_m`."""

    renamed: ClassVar[Mapping[str, str]] = {"accuracies": "accuracy_share", "most_m": "max_m"}
    """Old key -> new key since 0.2."""

    base_m: Metres
    accuracy_share: Share = 1
    """The part of both accuracies that counts; less than 1 where networks claim very different ones and are all alike."""
    max_m: Annotated[float, Field(ge=1, le=2000)]
    """That far like cases count as a crowd, too."""


class Affinity(_Strict):
    """How alike two matters are, in both directions; a matter and itself are 1, a pair not named 0."""

    renamed: ClassVar[Mapping[str, str]] = {"share": "affinity"}
    """Old key -> new key since 0.2."""

    between: Annotated[tuple[str, str], Field(description="two matters")]
    affinity: Share

    @model_validator(mode="after")
    def _of_two(self) -> "Affinity":
        if self.between[0] == self.between[1]:
            raise ValueError(f"`{self.between[0]}` and itself are always 1; name two matters")
        return self


class Confusable(_Strict):
    """Matters that are often taken for one another, as those of one group are: every two of one list have `affinity`."""

    renamed: ClassVar[Mapping[str, str]] = {"share": "affinity"}
    """Old key -> new key since 0.2."""

    affinity: Share
    groups: tuple[Annotated[tuple[str, ...], Field(min_length=2)], ...] = ()


class Evidence(_Strict):
    """Evidence beside distance: who reports whom, and what an address says."""

    renamed: ClassVar[Mapping[str, str]] = {
        "seats": "geocoded_sources",
        "elsewhere": "off_address_factor",
        "reference": "reference_factor",
        "reporters": "citizen_networks",
        "reference_m": "reference_radius_m",
    }
    """Old key -> new key since 0.2."""

    geocoded_sources: frozenset[str] = frozenset()
    """Networks that write the point of the address, so that two of their reports about one thing mostly have one point."""
    off_address_factor: Share = 1
    """What is left of the score where report and case come from seats alone, and yet have two points."""
    reference_factor: Share = 0
    """In place of the distance's part for the same reporter or person, over the number of open cases that name it; 0: nothing."""
    citizen_networks: frozenset[str] = frozenset()
    """Networks that name the citizen who reported; a worker's reference says only who walks there."""
    reference_radius_m: Metres = 1000
    """How far apart two reports of one reference may lie; those of one community always may."""


class MergeParameters(_Strict):
    """When reports are one case. docs/explanation/merging.md explains the score."""

    renamed: ClassVar[Mapping[str, str]] = {
        "reach": "search_radius",
        "base_m_of": "base_m_by_matter",
        "window_hours_of": "window_hours_by_matter",
        "late": "decay_at_window_end",
        "far": "decay_at_max_distance",
        "crowding": "density_penalty",
        "common": "frequency_penalty",
        "same": "evidence",
    }
    """Old key -> new key since 0.2."""

    thresholds: Thresholds
    search_radius: SearchRadius
    base_m_by_matter: dict[str, Metres] = {}
    """Matter -> its own base distance, for things that stand close together and are still different."""
    window_hours: Hours
    """How far apart in time two reports of one thing may lie."""
    window_hours_by_matter: dict[str, Hours] = {}
    """Matter -> its own window: until it is repaired, for things that stay broken."""
    decay_at_window_end: Share
    """What is left of the score at the end of the window."""
    decay_at_max_distance: Share
    """What is left of the score at the end of the reach."""
    same_community: Share
    """In place of the distance's part when a report has no point and only its community is known."""
    density_penalty: Annotated[float, Field(ge=0, le=100)] = 0
    """How much every other like case within `max_m` takes from a score: where much happens, near is less likely the same."""
    frequency_penalty: Annotated[float, Field(ge=0, le=100)] = 0
    """How much every open case of the matter in the whole street takes from a score: what is rare is seldom there twice."""
    evidence: Evidence = Evidence()
    affinities: tuple[Affinity, ...] = ()
    confusable: Confusable = Confusable(affinity=0)
    """An affinity of their own counts more than this one."""

    @field_validator("affinities")
    @classmethod
    def _each_pair_once(cls, affinities: tuple[Affinity, ...]) -> tuple[Affinity, ...]:
        pairs = [" and ".join(sorted(affinity.between)) for affinity in affinities]
        twice = sorted({pair for pair in pairs if pairs.count(pair) > 1})
        if twice:
            raise ValueError(f"{twice[0]} stand here twice; keep one of the two")
        return affinities

    @cached_property
    def _pairs(self) -> dict[str, dict[str, Pair]]:
        return {}

    def pairs(self, matter: str) -> dict[str, Pair]:
        """The matters that may be the same thing as this one: the matter itself, and those with an affinity."""
        pairs = self._pairs.get(matter)
        if pairs is None:
            affinities = {matter: 1.0}
            for group in self.confusable.groups if self.confusable.affinity else ():
                if matter in group:
                    affinities = dict.fromkeys(group, self.confusable.affinity) | affinities
            for affinity in self.affinities:
                one, other = affinity.between
                if matter in affinity.between:
                    affinities[other if matter == one else one] = affinity.affinity
            pairs = self._pairs[matter] = {
                other: self._pair(matter, other, affinity) for other, affinity in affinities.items()
            }
        return pairs

    def _pair(self, one: str, other: str, affinity: float) -> Pair:
        window = max(self.window_of(one), self.window_of(other))
        base_m = max(self.base_m_by_matter.get(matter, self.search_radius.base_m) for matter in (one, other))
        return Pair(affinity, window // timedelta(microseconds=1), base_m)

    @cached_property
    def _window_of(self) -> dict[str, timedelta]:
        return {matter: timedelta(hours=hours) for matter, hours in self.window_hours_by_matter.items()}

    @cached_property
    def _window(self) -> timedelta:
        return timedelta(hours=self.window_hours)

    def window_of(self, matter: str) -> timedelta:
        """How long after a report of this matter further ones may join its case."""
        return self._window_of.get(matter, self._window)

    @cached_property
    def square(self) -> float:
        """Degrees of latitude of the squares by which the index finds what lies in the reach: twice the reach."""
        return 2 * self.search_radius.max_m / METRES_PER_DEGREE

    @property
    def longest_window(self) -> timedelta:
        """Two reports further apart than this merge only through reports between them, or by their component."""
        return timedelta(hours=max((self.window_hours, *self.window_hours_by_matter.values())))
