"""What the people of each network can say: its classes by matter, how often each matter comes up, what they confuse."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from router.domain.rules.city import City
from router.simulator.synthetic.forms.form import Form
from router.simulator.synthetic.forms.registry import FORMS
from router.simulator.synthetic.parameters import Reporting, SimulationParameters
from router.simulator.synthetic.rng import RandomColumns

Column = Any
_CERTAIN = 1.0
"""Affinity of a matter with itself: no other matter."""


class Ragged(Struct, frozen=True):
    """For each matter some whole numbers, in one row behind another."""

    first: Column
    number: Column
    values: Column

    def pick(self, matters: Column, rng: RandomColumns) -> Column:
        """One of each matter's numbers; of a matter without any, -1."""
        number = self.number[matters]
        place = self.first[matters] + rng.below(np.maximum(number, 1), len(matters))
        return np.where(number > 0, self.values[np.minimum(place, len(self.values) - 1)], -1)

    def of(self, matters: Column, words: Column) -> Column:
        """The one that a word of random bits stands for; of a matter without any, -1."""
        number = self.number[matters]
        place = self.first[matters] + words % np.maximum(number, 1)
        return np.where(number > 0, self.values[np.minimum(place, len(self.values) - 1)], -1)


class Speech(Struct, frozen=True):
    """One network's."""

    form: Form
    weights: Column
    """How often its people are the first to report each matter."""
    rows: Ragged
    """Matter -> indices of its classes in `spelt`."""
    parts: Ragged
    """Matter -> those of its classes that are a component's."""
    numbered: Column
    """Whether each class is one."""
    exact: Column
    """Whether each class is a station's, which knows where it stands."""
    spelt: Column
    texts: Column
    """Class x phrase, as JSON has it without quotes."""
    confused: Ragged
    """Matter -> others of its group in the catalogue, which the network knows too."""
    others: Ragged
    """Matter -> any others."""

    @property
    def knows(self) -> Column:
        """Whether it has a class for each matter."""
        return self.rows.number > 0


class CodeUsage:
    """All networks of a city that have a form and a code table, in the order of the parameters."""

    def __init__(self, city: City, parameters: SimulationParameters) -> None:
        self.matters: Sequence[str] = sorted(city.catalogue.matters)
        self.index: Mapping[str, int] = {matter: place for place, matter in enumerate(self.matters)}
        self.names: Sequence[str] = list(parameters.networks)
        groups = parameters.homes.groups
        self.at_home = np.array([city.catalogue.matters[matter].group in groups for matter in self.matters])
        """Whether each matter is one of people at home."""
        alike = _alike(city, self.matters)
        self.speeches = [self._speech(city, name, parameters.networks[name], alike) for name in self.names]
        self.who_knows = np.array([speech.knows for speech in self.speeches]).T
        """Matter x network."""

    def column(self, weights: Mapping[str, float]) -> Column:
        """A value for each matter, 0 for those not named."""
        column = np.zeros(len(self.matters))
        for matter, weight in weights.items():
            column[self.index[matter]] = weight
        return column

    def _speech(self, city: City, name: str, reporting: Reporting, alike: Column) -> Speech:
        form = FORMS[name]
        spelt, matters, texts = [], [], []
        for code in city.codes[name].codes:
            spelling = form.spell(code.code, code.version)
            if spelling is None or code.matter not in self.index:
                continue
            spelt.append(spelling)
            matters.append(self.index[code.matter])
            known = city.catalogue.matters[code.matter]
            texts += [phrase.format(known.name_zh or known.name) for phrase in form.phrases]
        classes = np.eye(len(self.matters), dtype=bool)[matters].T
        numbered = np.array([form.numbered(spelling) for spelling in spelt], dtype=bool)
        rows = _ragged(classes)
        knows = rows.number > 0
        different = knows[None, :] & ~np.eye(len(self.matters), dtype=bool)
        return Speech(
            form=form,
            weights=_mixed(self.column(reporting.mix) * knows, knows, reporting.rest),
            rows=rows,
            parts=_ragged(classes & numbered),
            numbered=numbered,
            exact=np.array([form.exact(spelling) for spelling in spelt], dtype=bool),
            spelt=objects(spelt),
            texts=objects(texts),
            confused=_ragged(alike & different),
            others=_ragged(different),
        )


def _mixed(mix: Column, knows: Column, rest: float) -> Column:
    """Weights of matters: those of the mix, and beside them the rest, alike."""
    unnamed = knows & (mix == 0)
    if not mix.any():
        return knows / max(1, knows.sum())
    if not unnamed.any():
        return mix / mix.sum()
    return mix / mix.sum() * (1 - rest) + unnamed / unnamed.sum() * rest


def _alike(city: City, matters: Sequence[str]) -> Column:
    """Whether two matters are of one group of the catalogue; merging.yaml, which is judged by this, has no say."""
    groups = np.array([city.catalogue.matters[matter].group for matter in matters])
    alike: Column = groups[:, None] == groups[None, :]
    return alike


def _ragged(marked: Column) -> Ragged:
    """Row -> the columns that are marked."""
    number = marked.sum(axis=1)
    values = np.flatnonzero(marked.ravel()) % marked.shape[1] if marked.any() else np.zeros(1, dtype=np.int64)
    return Ragged(first=np.cumsum(number) - number, number=number, values=values)


def objects(values: Sequence[Any]) -> Column:
    """A column of any values."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
