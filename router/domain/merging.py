"""The parameters of merging (归并): a city's `merging.yaml`. Every number that decides whether two reports are one is data."""

from datetime import timedelta
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Hours = Annotated[int, Field(ge=1, le=24 * 366)]
Metres = Annotated[float, Field(ge=0, le=2000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Thresholds(_Strict):
    """Scores from 0 to 1: at `merge` and above reports are one case, from `suggest` on a merge is suggested."""

    merge: Share
    suggest: Share

    @model_validator(mode="after")
    def _ordered(self) -> "Thresholds":
        if self.suggest > self.merge:
            raise ValueError("`suggest` must not be above `merge`")
        return self


class Reach(_Strict):
    """How far apart two reports of one thing may lie: `base_m` and both accuracies, at most `most_m`."""

    base_m: Metres
    most_m: Annotated[float, Field(ge=1, le=2000)]


class Affinity(_Strict):
    """How alike two matters are, in both directions; a matter and itself are 1, a pair not named 0."""

    between: Annotated[tuple[str, str], Field(description="two matters")]
    share: Share


class Merging(_Strict):
    """When reports are one case. See docs/merging.md for the score."""

    thresholds: Thresholds
    reach: Reach
    base_m_of: dict[str, Metres] = {}
    """Matter -> its own base distance, for things that stand close together and are still different."""
    window_hours: Hours
    """How far apart in time two reports of one thing may lie."""
    window_hours_of: dict[str, Hours] = {}
    """Matter -> its own window: until it is repaired, for things that stay broken."""
    late: Share
    """What is left of the score at the end of the window."""
    far: Share
    """What is left of the score at the end of the reach."""
    same_community: Share
    """In place of the distance's part when a report has no point and only its community is known."""
    affinities: tuple[Affinity, ...] = ()

    @cached_property
    def affine(self) -> dict[str, dict[str, float]]:
        """Matter -> the other matters that may be the same thing, with their affinity; without the matter itself."""
        table: dict[str, dict[str, float]] = {}
        for affinity in self.affinities:
            one, other = affinity.between
            table.setdefault(one, {})[other] = affinity.share
            table.setdefault(other, {})[one] = affinity.share
        return table

    @cached_property
    def window_ms_of(self) -> dict[str, int]:
        """Matter -> window in ms, for those that have their own."""
        return {matter: hours * 3_600_000 for matter, hours in self.window_hours_of.items()}

    @cached_property
    def window_ms(self) -> int:
        """The window of every other matter, in ms."""
        return self.window_hours * 3_600_000

    @cached_property
    def _window_of(self) -> dict[str, timedelta]:
        return {matter: timedelta(hours=hours) for matter, hours in self.window_hours_of.items()}

    @cached_property
    def _window(self) -> timedelta:
        return timedelta(hours=self.window_hours)

    def window_of(self, matter: str) -> timedelta:
        """How long after a report of this matter further ones may join its case."""
        return self._window_of.get(matter, self._window)

    @property
    def longest_window(self) -> timedelta:
        """Reports further apart than this never merge."""
        return timedelta(hours=max((self.window_hours, *self.window_hours_of.values())))
