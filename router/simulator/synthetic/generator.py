"""What is sent, written out: every block's messages, and all of them in the order of their receipt."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from router.domain.rules.city import City
from router.simulator.synthetic.cell_geometry import Parcels
from router.simulator.synthetic.code_usage import CodeUsage, objects
from router.simulator.synthetic.coordinates import MICRO, gcj02
from router.simulator.synthetic.forms.form import Page
from router.simulator.synthetic.incidents import Block, Incidents, Nature
from router.simulator.synthetic.local_time import DAY, NEVER, midnight, wall
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
_AGAIN_S, _AGAIN_SIGMA, _AGAIN_MOST_S = 300, 1.0, 86_400
"""When a message is delivered once more: minutes later."""
_BLOCKS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 288, 720, 1440)
"""How many blocks a day may have: whole hours, or parts of one."""
_AHEAD = 24
"""Blocks whose messages are looked through each time; those of later receipt lie apart."""
_BLOCK = 60_000
"""Incidents of one block, about: what fits into the caches and the memory of a small machine."""


class Generator:
    """Writes all messages of a synthetic city.

    Args:
        city: its code tables, its catalogue.
        parameters: how much, when, where.
        parcels: its cells.
        seed: equal seeds, equal bytes.
        noise: of all errors.
        factor: of all volumes.
    """

    def __init__(
        self, city: City, parameters: SimulationParameters, parcels: Parcels, *, seed: int, noise: float, factor: float
    ) -> None:
        self._city, self._parameters, self._seed, self._noise = city, parameters, seed, noise
        self.ground = PlaceModel(parcels, parameters.places)
        self.code_usage = CodeUsage(city, parameters)
        self.owners = Owners(city, self.ground, self.code_usage)
        self._nature = Nature(parameters, self.ground, self.code_usage, factor)
        self._witnesses = ReportingModel(parameters, self.ground, self.code_usage)
        self._clerks = ObservationModel(parameters, self.ground, self.code_usage, noise)
        self._areas = [self.ground.areas(name) for name in self.code_usage.names]
        self._counties = objects([code[:6] for code in parcels.codes])
        volume = sum(one.a_day for one in parameters.networks.values()) * parameters.scale * factor
        self._blocks_a_day = next((n for n in _BLOCKS if volume / n <= _BLOCK), _BLOCKS[-1])
        self._incidents = 0

    def message_batches(self, until: int | None) -> Iterator[MessageBatch]:
        """Messages in the order of their receipt: those received before an instant (milliseconds of UTC), or without end."""
        pending = ReorderBuffer(1000 * _AHEAD * DAY // self._blocks_a_day)
        for block in self._blocks():
            if until is not None and 1000 * block.begins[0] >= until:
                return
            made = self._made(block)
            if until is not None:
                made = made.take(np.flatnonzero(made.received < until))
            yield pending.due(
                made, 1000 * (block.begins[-1] + block.length)
            )  # what happens later is not received earlier

    def _blocks(self) -> Iterator[Block]:
        day, number = self._parameters.first_day, 0
        while True:
            begins = _hours(day, self._city)
            for part in range(self._blocks_a_day):
                yield _block(day, (number, part), begins, self._blocks_a_day)
            day, number = day + timedelta(days=1), number + 1

    def _made(self, block: Block) -> MessageBatch:
        rng = RandomColumns(self._seed, *block.index)
        incidents = self._nature.incidents(block, rng)
        sightings = self._witnesses.sightings(incidents, rng)
        sightings = sightings.take(np.argsort(sightings.seen, kind="stable"))
        notes = self._clerks.notes(incidents, sightings, block.day, rng)
        broken = self._broken(notes, rng)
        message_batch = self._sheet(notes, broken, incidents, block)
        self._incidents += len(incidents)
        return joined(message_batch, self._once_more(message_batch, rng))

    def _broken(self, notes: Observations, rng: RandomColumns) -> tuple[Observations, Column]:
        """Messages of their own that nobody may accept, and in which way."""
        share = min(1.0, self._parameters.errors.malformed * self._noise)
        rows = np.flatnonzero(rng.chance(share, len(notes)) & ~notes.updated)
        copies = notes.take(rows)
        copies.number[:] = self._clerks.numbers(copies.network)
        return copies, rng.below(len(WAYS), len(rows))

    def _sheet(
        self, notes: Observations, broken: tuple[Observations, Column], incidents: Incidents, block: Block
    ) -> MessageBatch:
        copies, ways = broken
        source_id, value = self._written(_appended(notes, copies), incidents)
        for row, way in enumerate(ways.tolist(), len(notes)):
            value[row] = WAYS[way](value[row])
        every = _appended(notes, copies)
        owners = self.owners.of(incidents.matter, incidents.cell, block.begins[0])
        kind = np.where(every.updated, 1, 0)
        kind[len(notes) :] = KINDS.index("malformed")
        which = every.incident
        return MessageBatch(
            received=every.received,
            network=every.network,
            source_id=source_id,
            value=value,
            kind=kind,
            incident=self._incidents + 1 + which,
            matter=incidents.matter[which],
            cell=incidents.cell[which],
            owner=owners[which],
            storm=incidents.storm[which],
            late=every.late,
        )

    def _written(self, notes: Observations, incidents: Incidents) -> tuple[Column, Column]:
        source_id, value = np.empty(len(notes), dtype=object), np.empty(len(notes), dtype=object)
        for network in range(len(self.code_usage.names)):
            rows = np.flatnonzero(notes.network == network)
            if len(rows):
                form = self.code_usage.speeches[network].form
                ids, values = form.write(self._page(network, notes.take(rows), incidents))
                source_id[rows], value[rows] = ids, values
        return source_id, value

    def _page(self, network: int, notes: Observations, incidents: Incidents) -> Page:
        speech, which = self.code_usage.speeches[network], notes.incident
        zone = self._city.zone
        silent = notes.occurred == NEVER
        stated, occurred = notes.stated, notes.occurred
        if not speech.form.zoned:
            stated, occurred = wall(stated, zone), np.where(silent, NEVER, wall(occurred, zone))
        lon, lat = gcj02(notes.lon, notes.lat) if speech.form.datum == "gcj02" else (notes.lon, notes.lat)
        phrases = len(speech.form.phrases)
        texts = speech.texts[notes.spelt * phrases + notes.phrase % phrases]
        for row in np.flatnonzero(notes.supplement).tolist():
            texts[row] += _SUPPLEMENTS[notes.supplement[row]]
        return Page(
            numbers=notes.number.tolist(),
            reported=stated,
            occurred=occurred,
            lon=(lon / MICRO).tolist(),
            lat=(lat / MICRO).tolist(),
            cells=self._cells(notes),
            areas=self._areas[network][notes.cell].tolist(),
            spelt=speech.spelt[notes.spelt].tolist(),
            counties=self._counties[incidents.cell[which]].tolist(),
            things=((self._incidents + 1 + which) % MICRO).tolist(),
            subjects=people(self._incidents + 1 + which, SUBJECTS).tolist(),
            people=notes.person.tolist(),
            grades=incidents.grade[which].tolist(),
            texts=texts.tolist(),
        )

    def _cells(self, notes: Observations) -> list[str]:
        cells: list[str] = self.ground.codes[notes.cell].tolist()
        for row in np.flatnonzero(notes.strange == 2).tolist():
            community, number = cells[row][:12], 999
            while f"{community}{number}" in self.ground.known:
                number -= 1
            cells[row] = f"{community}{number}"
        return cells

    def _once_more(self, message_batch: MessageBatch, rng: RandomColumns) -> MessageBatch:
        """Redeliveries, byte for byte."""
        share = min(1.0, self._parameters.errors.redelivered * self._noise)
        sound = message_batch.kind != KINDS.index("malformed")
        again = message_batch.take(np.flatnonzero(rng.chance(share, len(message_batch)) & sound))
        delay = rng.of(lognormal(_AGAIN_S, _AGAIN_SIGMA, _AGAIN_MOST_S), len(again)) + 1
        again.received[:] += 1000 * delay
        again.kind[:] = KINDS.index("redelivered")
        return again


WAYS = (
    lambda whole: whole[: len(whole) // 2],
    lambda whole: f"[{whole}]",
    lambda whole: whole.replace('"', "\udcff", 1),
    lambda whole: "{" + whole[whole.index(",") + 1 :],
)
"""How a message comes that nobody may accept: cut off, of another kind, no text, without its id (every message's first field)."""


def _block(day: date, index: tuple[int, int], begins: Sequence[int], blocks: int) -> Block:
    """One of so many blocks of a day whose hours begin then."""
    part = index[1]
    if blocks <= 24:
        hours = range(part * 24 // blocks, (part + 1) * 24 // blocks)
        return Block(day=day, hours=hours, begins=[begins[hour] for hour in hours], length=3600, index=index)
    hour, place = divmod(part, blocks // 24)
    length = DAY // blocks
    return Block(day=day, hours=[hour], begins=[begins[hour] + place * length], length=length, index=index)


def _hours(day: date, city: City) -> list[int]:
    """The instants at which the hours of a day begin; an hour that the clocks skip begins with the next."""
    return [midnight(day, city.zone) + 3600 * hour for hour in range(24)]


def _appended(one: Observations, other: Observations) -> Observations:
    names = one.__struct_fields__
    return Observations(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in names))
