"""Generates the messages of a synthetic city block by block, and orders them by receipt."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from router.domain.rules.city import City
from router.simulator.synthetic.cell_geometry import CellGeometry
from router.simulator.synthetic.code_usage import CodeUsage, objects
from router.simulator.synthetic.coordinates import MICRO, gcj02
from router.simulator.synthetic.forms.form import Page
from router.simulator.synthetic.incidents import Block, IncidentModel, Incidents
from router.simulator.synthetic.local_time import DAY, NEVER, local_seconds, midnight
from router.simulator.synthetic.message_batch import KINDS, MessageBatch, joined
from router.simulator.synthetic.observations import ObservationModel, Observations
from router.simulator.synthetic.parameters import SimulationParameters
from router.simulator.synthetic.places import PlaceModel
from router.simulator.synthetic.reorder_buffer import ReorderBuffer
from router.simulator.synthetic.reporting import SUBJECTS, ReportingModel, people
from router.simulator.synthetic.rng import RandomColumns, lognormal
from router.simulator.synthetic.true_owners import Owners

Column = Any
_SUPPLEMENTS = ("", "（补充：现场已核实）", "（补充：情况仍在持续）", "（更正：以此次为准）")
_REDELIVERY_S, _REDELIVERY_SIGMA, _REDELIVERY_MAX_S = 300, 1.0, 86_400
"""Delay of a redelivery: median, sigma and maximum of a lognormal distribution."""
_BLOCKS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 288, 720, 1440)
"""Allowed numbers of blocks per day: a block is some whole hours, or a part of an hour."""
_AHEAD = 24
"""Number of blocks in the near part of the reorder buffer."""
_BLOCK = 60_000
"""Target number of incidents per block. It fits into the caches and the memory of a small machine."""


class Generator:
    """Generates all messages of a synthetic city.

    Args:
        city: the city, with its code tables and catalogue.
        parameters: the content of simulation.yaml.
        geometry: the city's cells.
        seed: the same seed gives the same bytes.
        noise: factor of all error shares.
        factor: factor of all volumes.
    """

    def __init__(
        self,
        city: City,
        parameters: SimulationParameters,
        geometry: CellGeometry,
        *,
        seed: int,
        noise: float,
        factor: float,
    ) -> None:
        self._city, self._parameters, self._seed, self._noise = city, parameters, seed, noise
        self.place_model = PlaceModel(geometry, parameters.places)
        self.code_usage = CodeUsage(city, parameters)
        self.owners = Owners(city, self.place_model, self.code_usage)
        self._incident_model = IncidentModel(parameters, self.place_model, self.code_usage, factor)
        self._reporting_model = ReportingModel(parameters, self.place_model, self.code_usage)
        self._observation_model = ObservationModel(parameters, self.place_model, self.code_usage, noise)
        self._areas = [self.place_model.areas(name) for name in self.code_usage.names]
        self._counties = objects([code[:6] for code in geometry.codes])
        volume = sum(one.a_day for one in parameters.networks.values()) * parameters.scale * factor
        self._blocks_a_day = next((n for n in _BLOCKS if volume / n <= _BLOCK), _BLOCKS[-1])
        self._incidents = 0

    def message_batches(self, until: int | None) -> Iterator[MessageBatch]:
        """Messages in the order of receipt.

        Args:
            until: only messages received before this instant (milliseconds of UTC); None: without end.
        """
        pending = ReorderBuffer(1000 * _AHEAD * DAY // self._blocks_a_day)
        for block in self._blocks():
            if until is not None and 1000 * block.begins[0] >= until:
                return
            made = self._made(block)
            if until is not None:
                made = made.take(np.flatnonzero(made.received < until))
            yield pending.due(
                made, 1000 * (block.begins[-1] + block.length)
            )  # a message is never received before its incident

    def _blocks(self) -> Iterator[Block]:
        day, number = self._parameters.first_day, 0
        while True:
            begins = _hours(day, self._city)
            for part in range(self._blocks_a_day):
                yield _block(day, (number, part), begins, self._blocks_a_day)
            day, number = day + timedelta(days=1), number + 1

    def _made(self, block: Block) -> MessageBatch:
        rng = RandomColumns(self._seed, *block.index)
        incidents = self._incident_model.incidents(block, rng)
        sightings = self._reporting_model.sightings(incidents, rng)
        sightings = sightings.take(np.argsort(sightings.reported, kind="stable"))
        observations = self._observation_model.observations(incidents, sightings, block.day, rng)
        malformed = self._malformed(observations, rng)
        message_batch = self._batch(observations, malformed, incidents, block)
        self._incidents += len(incidents)
        return joined(message_batch, self._redeliveries(message_batch, rng))

    def _malformed(self, observations: Observations, rng: RandomColumns) -> tuple[Observations, Column]:
        """Copies of some observations that become malformed messages, and how each is malformed."""
        share = min(1.0, self._parameters.errors.malformed * self._noise)
        rows = np.flatnonzero(rng.chance(share, len(observations)) & ~observations.updated)
        copies = observations.take(rows)
        copies.number[:] = self._observation_model.numbers(copies.network)
        return copies, rng.below(len(MALFORMATIONS), len(rows))

    def _batch(
        self, observations: Observations, malformed: tuple[Observations, Column], incidents: Incidents, block: Block
    ) -> MessageBatch:
        copies, ways = malformed
        source_id, value = self._written(_appended(observations, copies), incidents)
        for row, way in enumerate(ways.tolist(), len(observations)):
            value[row] = MALFORMATIONS[way](value[row])
        all_rows = _appended(observations, copies)
        owners = self.owners.of(incidents.matter, incidents.cell, block.begins[0])
        kind = np.where(all_rows.updated, 1, 0)
        kind[len(observations) :] = KINDS.index("malformed")
        which = all_rows.incident
        return MessageBatch(
            received=all_rows.received,
            network=all_rows.network,
            source_id=source_id,
            value=value,
            kind=kind,
            incident=self._incidents + 1 + which,
            matter=incidents.matter[which],
            cell=incidents.cell[which],
            owner=owners[which],
            storm=incidents.storm[which],
            late=all_rows.late,
        )

    def _written(self, observations: Observations, incidents: Incidents) -> tuple[Column, Column]:
        source_id, value = np.empty(len(observations), dtype=object), np.empty(len(observations), dtype=object)
        for network in range(len(self.code_usage.names)):
            rows = np.flatnonzero(observations.network == network)
            if len(rows):
                form = self.code_usage.networks[network].form
                ids, values = form.write(self._page(network, observations.take(rows), incidents))
                source_id[rows], value[rows] = ids, values
        return source_id, value

    def _page(self, network: int, observations: Observations, incidents: Incidents) -> Page:
        codes, which = self.code_usage.networks[network], observations.incident
        zone = self._city.zone
        unknown = observations.occurred == NEVER
        reported, occurred = observations.reported, observations.occurred
        if not codes.form.zoned:
            reported, occurred = local_seconds(reported, zone), np.where(unknown, NEVER, local_seconds(occurred, zone))
        lon, lat = (
            gcj02(observations.lon, observations.lat)
            if codes.form.datum == "gcj02"
            else (observations.lon, observations.lat)
        )
        phrases = len(codes.form.phrases)
        texts = codes.texts[observations.spelling * phrases + observations.phrase % phrases]
        for row in np.flatnonzero(observations.supplement).tolist():
            texts[row] += _SUPPLEMENTS[observations.supplement[row]]
        return Page(
            numbers=observations.number.tolist(),
            reported=reported,
            occurred=occurred,
            lon=(lon / MICRO).tolist(),
            lat=(lat / MICRO).tolist(),
            cells=self._cells(observations),
            areas=self._areas[network][observations.cell].tolist(),
            spellings=codes.spellings[observations.spelling].tolist(),
            counties=self._counties[incidents.cell[which]].tolist(),
            things=((self._incidents + 1 + which) % MICRO).tolist(),
            subjects=people(self._incidents + 1 + which, SUBJECTS).tolist(),
            people=observations.person.tolist(),
            grades=incidents.grade[which].tolist(),
            texts=texts.tolist(),
        )

    def _cells(self, observations: Observations) -> list[str]:
        cells: list[str] = self.place_model.codes[observations.cell].tolist()
        for row in np.flatnonzero(observations.cell_error == 2).tolist():
            community, number = cells[row][:12], 999
            while f"{community}{number}" in self.place_model.known:
                number -= 1
            cells[row] = f"{community}{number}"
        return cells

    def _redeliveries(self, message_batch: MessageBatch, rng: RandomColumns) -> MessageBatch:
        """Redeliveries of some messages, with the same bytes."""
        share = min(1.0, self._parameters.errors.redelivered * self._noise)
        valid = message_batch.kind != KINDS.index("malformed")
        repeated = message_batch.take(np.flatnonzero(rng.chance(share, len(message_batch)) & valid))
        delay = rng.of(lognormal(_REDELIVERY_S, _REDELIVERY_SIGMA, _REDELIVERY_MAX_S), len(repeated)) + 1
        repeated.received[:] += 1000 * delay
        repeated.kind[:] = KINDS.index("redelivered")
        return repeated


MALFORMATIONS = (
    lambda text: text[: len(text) // 2],
    lambda text: f"[{text}]",
    lambda text: text.replace('"', "\udcff", 1),
    lambda text: "{" + text[text.index(",") + 1 :],
)
"""Ways to malform a message: cut off, an array, not UTF-8, or without its id, which is the first field of every message."""


def _block(day: date, index: tuple[int, int], begins: Sequence[int], blocks: int) -> Block:
    """A block of a day.

    Args:
        day: the date.
        index: number of the day, and of the block in the day.
        begins: start of each hour of the day, seconds of UTC.
        blocks: number of blocks per day.
    """
    part = index[1]
    if blocks <= 24:
        hours = range(part * 24 // blocks, (part + 1) * 24 // blocks)
        return Block(day=day, hours=hours, begins=[begins[hour] for hour in hours], length=3600, index=index)
    hour, place = divmod(part, blocks // 24)
    length = DAY // blocks
    return Block(day=day, hours=[hour], begins=[begins[hour] + place * length], length=length, index=index)


def _hours(day: date, city: City) -> list[int]:
    """Start of each hour of a day, seconds of UTC. An hour that the clocks skip starts with the next one."""
    return [midnight(day, city.zone) + 3600 * hour for hour in range(24)]


def _appended(one: Observations, other: Observations) -> Observations:
    names = one.__struct_fields__
    return Observations(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in names))
