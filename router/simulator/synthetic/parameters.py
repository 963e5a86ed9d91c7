"""The model of a city's `simulation.yaml`: volumes, times, places, reporters and errors."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _positive_sum(weights: tuple[float, ...]) -> tuple[float, ...]:
    if sum(weights) <= 0:
        raise ValueError("at least one weight must be above 0")
    return weights


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("the first of the two must not be above the second")
    return ends


Hours = Annotated[tuple[Weight, ...], Field(min_length=24, max_length=24), AfterValidator(_positive_sum)]
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
    """The volume and the matters of one network."""

    a_day: Weight
    """Number of incidents that it reports first on an ordinary day, before `scale`."""
    hours: str
    """Name of its daily profile in `hours`."""
    quota: bool = False
    """Whether its people report more at the end of a month."""
    phones: bool = False
    """Whether its people report with their own phones, which may be offline."""
    staff: bool = False
    """Whether its reporters are its own staff, who report often; `phones` implies it. Otherwise each citizen reports once."""
    sigma_m: Weight = 15.0
    """Standard deviation of its points per axis, metres."""
    geocoded: Share = 0.0
    """Share of incidents whose address is geocoded: its points lie exactly at the address."""
    delay: Delay
    """Delay from the incident to its first report."""
    mix: dict[str, Positive] = {}
    """Matter -> weight."""
    rest: Share = 0.05
    """Share of all other matters of its code table together. Without a mix it has no effect."""


class Quota(_Strict):
    """The higher volume at the end of a month."""

    last_days: Annotated[int, Field(ge=0, le=28)]
    factor: Positive


class Places(_Strict):
    """The distribution of incidents over cells: Zipf's law over the streets, and over the cells of a street."""

    seed: int
    """Seed of the ranks of streets and cells. It differs from the seed of a run, because the city stays the same."""
    streets: Weight
    cells: Weight
    spots: Annotated[int, Field(ge=1, le=100)]
    """Number of points per cell where incidents recur."""
    at_spots: Share
    """Share of incidents at such a point."""
    spot_m: Positive
    """Standard deviation of the distance to the point, metres."""
    frontage_m: Positive
    """Distance between two addresses, metres."""


class Homes(_Strict):
    """Matters that happen in homes. They are distributed more evenly than matters in streets."""

    groups: tuple[str, ...]
    """Groups of the catalogue."""
    flatter: Share
    """Power of the cells' weights: 1 as uneven as in streets, 0 even."""


class Apart(_Strict):
    """Smallest distance between two concurrent incidents of one matter. Closer ones would be one incident."""

    metres: Weight
    metres_of: dict[str, Weight] = {}
    """Matter -> its own distance; 0: any number at one place, such as disputes."""


class Again(_Strict):
    """Mean numbers of further reports of an incident."""

    reporter: Weight
    """By the first reporter."""
    network: Weight
    """By another reporter of the same network."""
    others: Weight
    """By other networks that have a code for the matter."""
    delay: Delay
    """Delay after the first report."""
    slow: Share
    """Share of further reports that come late, while the incident lasts."""
    slow_delay: Delay
    """Delay of the late ones after the first report."""


class Lasting(_Strict):
    """How long an incident is visible, hours. No report comes later."""

    hours: Positive
    hours_of: dict[str, Positive] = {}


class Storms(_Strict):
    """Bursts of reports of one matter from a part of a street."""

    a_day: Weight
    factor: Positive
    """Factor of the volume in its cells."""
    hours: Span
    cells: Shares
    """Share of a street's cells."""
    duplicates: Shares
    """Share of its reports about an incident that is already reported."""
    delay: Delay
    matters: dict[str, Positive]
    """Matter -> weight."""


class Errors(_Strict):
    """Errors at noise 1, as shares of reports unless another unit is given."""

    redelivered: Share
    malformed: Share
    updated: Share
    update_delay: Delay
    offline: Share
    """Share of the reports of networks with phones."""
    offline_delay: Delay
    offline_most_hours: Positive
    upload_seconds: Positive
    """Median of the ordinary upload time."""
    skew_minutes: Weight
    """Largest clock error."""
    off_by_a_day: Share
    far: Share
    far_m: Weight
    """Smallest error of such points, metres."""
    wrong_class: Share
    confusable: Share
    """Share of the wrong classes that are of the same group of the catalogue."""
    neighbour_cell: Share
    """Share of the reports with a cell."""
    unknown_cell: Share
    """Share of the reports with a cell: a retired one, or one that never existed."""


class SimulationParameters(_Strict):
    """The content of simulation.yaml."""

    first_day: date
    scale: Positive
    """Factor of all volumes."""
    networks: Annotated[dict[str, Reporting], Field(min_length=1)]
    hours: dict[str, Hours]
    weekdays: Annotated[tuple[Weight, ...], Field(min_length=7, max_length=7), AfterValidator(_positive_sum)]
    """Factor of each weekday, from Monday."""
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
                raise ValueError(
                    f"networks.{name}.hours: there is no profile {network.hours[:40]!r}; add it to `hours`"
                )
        return self

    @property
    def a_second(self) -> float:
        """Mean number of reports per second, without storms and errors."""
        again = 1 + self.again.reporter + self.again.network + self.again.others
        return sum(network.a_day for network in self.networks.values()) * self.scale * again / 86_400
