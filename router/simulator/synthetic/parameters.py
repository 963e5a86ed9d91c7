"""A city's `simulation.yaml`: how much is reported, when, where, by whom, and what goes wrong. Every number is data."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _heavy(weights: tuple[float, ...]) -> tuple[float, ...]:
    if sum(weights) <= 0:
        raise ValueError("at least one weight must be above 0")
    return weights


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("the first of the two must not be above the second")
    return ends


Hours = Annotated[tuple[Weight, ...], Field(min_length=24, max_length=24), AfterValidator(_heavy)]
"""Weight of each hour of the day, from midnight."""
Span = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
Shares = Annotated[tuple[Share, Share], AfterValidator(_ordered)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Delay(_Strict):
    """A lognormal delay."""

    median_minutes: Positive
    sigma: Annotated[float, Field(ge=0, le=4)]


class Reporting(_Strict):
    """One network: how much it reports, and of what."""

    a_day: Weight
    """Incidents that it is the first to report, on an ordinary day, before `scale`."""
    hours: str
    """Name of its daily shape among `hours`."""
    quota: bool = False
    """Whether its people hurry at the end of a month."""
    phones: bool = False
    """Whether its people report by phones of their own, which may be offline."""
    staff: bool = False
    """Whether its reporters are its own people, who report much; so they are with `phones`. Else each citizen has one thing."""
    sigma_m: Weight = 15.0
    """Standard deviation of its points per axis, where it writes any."""
    geocoded: Share = 0.0
    """Share of the incidents at whose address its points lie, exactly: a seat types the address and gets its point."""
    delay: Delay
    """From the incident to its report, for the first to see it."""
    mix: dict[str, Positive] = {}
    """Matter -> weight."""
    rest: Share = 0.05
    """Share of all other matters of its code table together; of all when there is no mix."""


class Quota(_Strict):
    """The pile at the end of a month."""

    last_days: Annotated[int, Field(ge=0, le=28)]
    factor: Positive


class Places(_Strict):
    """How unequal the cells are: Zipf's law over the streets, and over the cells of a street."""

    seed: int
    """Which street and cell is how busy; not the seed of a run, because a city stays the same."""
    streets: Weight
    cells: Weight
    spots: Annotated[int, Field(ge=1, le=100)]
    """Points in a cell where things happen again and again."""
    at_spots: Share
    """Share of incidents that happen at one of them."""
    spot_m: Positive
    """How far around it, standard deviation."""
    frontage_m: Positive
    """Of an address: one door every so many metres."""


class Homes(_Strict):
    """Matters of people at home: where people live is less unequal than what happens in streets."""

    groups: tuple[str, ...]
    """Groups of the catalogue."""
    flatter: Share
    """Power of the cells' weights: 1 as unequal as all else, 0 alike everywhere."""


class Apart(_Strict):
    """How far apart two things of one matter are that are there at one time; nearer ones would be one thing."""

    metres: Weight
    metres_of: dict[str, Weight] = {}
    """Matter -> its own; 0: any number at one place, as of people and their disputes."""


class Again(_Strict):
    """Further reports of an incident, on average."""

    reporter: Weight
    """By whom reported it first."""
    network: Weight
    """By another of the same network."""
    others: Weight
    """By other networks that know the matter."""
    delay: Delay
    """After the first report."""
    slow: Share
    """Of them: who comes upon it later, if it is still there."""
    slow_delay: Delay
    """Theirs, after the first report."""


class Lasting(_Strict):
    """How long a thing can be seen, hours; nobody reports it later."""

    hours: Positive
    hours_of: dict[str, Positive] = {}


class Storms(_Strict):
    """One thing that everybody in a part of a street reports at once."""

    a_day: Weight
    factor: Positive
    """How much more is reported in its cells."""
    hours: Span
    cells: Shares
    """Share of a street's cells."""
    duplicates: Shares
    """Share of its reports that are about an incident already reported."""
    delay: Delay
    matters: dict[str, Positive]
    """Matter -> weight."""


class Errors(_Strict):
    """What goes wrong, at noise 1: shares of reports."""

    redelivered: Share
    malformed: Share
    updated: Share
    update_delay: Delay
    offline: Share
    """Of the reports of networks with phones."""
    offline_delay: Delay
    offline_most_hours: Positive
    upload_seconds: Positive
    """Median of the ordinary way."""
    skew_minutes: Weight
    """Clocks are off by up to this."""
    off_by_a_day: Share
    far: Share
    far_m: Weight
    """Such points are off by more than this."""
    wrong_class: Share
    confusable: Share
    """Of the wrong classes, those of the same group of the catalogue."""
    neighbour_cell: Share
    """Of the reports that note a cell."""
    unknown_cell: Share
    """The same: a cell that never was, or is no more."""


class SimulationParameters(_Strict):
    """simulation.yaml."""

    first_day: date
    scale: Positive
    """Of all volumes."""
    networks: Annotated[dict[str, Reporting], Field(min_length=1)]
    hours: dict[str, Hours]
    weekdays: Annotated[tuple[Weight, ...], Field(min_length=7, max_length=7), AfterValidator(_heavy)]
    """Factor of each day, from Monday."""
    quota: Quota
    places: Places
    homes: Homes
    apart: Apart
    again: Again
    lasting: Lasting
    storms: Storms
    errors: Errors

    @model_validator(mode="after")
    def _shapes(self) -> "SimulationParameters":
        for name, network in self.networks.items():
            if network.hours not in self.hours:
                raise ValueError(f"networks.{name}.hours: no shape {network.hours[:40]!r}; add it to `hours`")
        return self

    @property
    def a_second(self) -> float:
        """Reports a second on average, storms and errors left out."""
        again = 1 + self.again.reporter + self.again.network + self.again.others
        return sum(network.a_day for network in self.networks.values()) * self.scale * again / 86_400
