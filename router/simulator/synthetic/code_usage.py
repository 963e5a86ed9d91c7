"""How each network uses its codes: the codes of each matter, how often it reports each matter, and which it confuses."""

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
"""Affinity of a matter with itself."""


class Ragged(Struct, frozen=True):
    """For each matter a variable number of integers, stored in one column."""

    first: Column
    number: Column
    values: Column

    def pick(self, matters: Column, rng: RandomColumns) -> Column:
        """A random one of each matter's numbers; -1 for a matter without numbers."""
        number = self.number[matters]
        place = self.first[matters] + rng.below(np.maximum(number, 1), len(matters))
        return np.where(number > 0, self.values[np.minimum(place, len(self.values) - 1)], -1)

    def of(self, matters: Column, words: Column) -> Column:
        """The one of each matter's numbers that a word of random bits selects; -1 for a matter without numbers."""
        number = self.number[matters]
        place = self.first[matters] + words % np.maximum(number, 1)
        return np.where(number > 0, self.values[np.minimum(place, len(self.values) - 1)], -1)


class NetworkCodes(Struct, frozen=True):
    """The codes of one network, and how its people use them."""

    form: Form
    weights: Column
    """Weight of each matter among its first reports."""
    rows: Ragged
    """Matter -> indices of its codes in `spellings`."""
    parts: Ragged
    """Matter -> indices of its codes for a managed component."""
    numbered: Column
    """Whether each code is for a managed component."""
    exact: Column
    """Whether each code is for a station, whose place is exact."""
    spellings: Column
    texts: Column
    """Code x phrase, escaped for JSON, without quotes."""
    confused: Ragged
    """Matter -> other matters of its group in the catalogue that the network has a code for."""
    others: Ragged
    """Matter -> any other matters that the network has a code for."""

    @property
    def knows(self) -> Column:
        """Whether it has a code for each matter."""
        return self.rows.number > 0


class CodeUsage:
    """The networks of a city that have a form and a code table, in the order of the parameters."""

    def __init__(self, city: City, parameters: SimulationParameters) -> None:
        self.matters: Sequence[str] = sorted(city.catalogue.matters)
        self.index: Mapping[str, int] = {matter: place for place, matter in enumerate(self.matters)}
        self.names: Sequence[str] = list(parameters.networks)
        groups = parameters.homes.groups
        self.at_home = np.array([city.catalogue.matters[matter].group in groups for matter in self.matters])
        """Whether each matter happens in homes."""
        alike = _alike(city, self.matters)
        self.networks = [self._codes_of(city, name, parameters.networks[name], alike) for name in self.names]
        self.known_by = np.array([codes.knows for codes in self.networks]).T
        """Matter x network."""

    def column(self, weights: Mapping[str, float]) -> Column:
        """A value for each matter; 0 for a matter without one."""
        column = np.zeros(len(self.matters))
        for matter, weight in weights.items():
            column[self.index[matter]] = weight
        return column

    def _codes_of(self, city: City, name: str, reporting: Reporting, alike: Column) -> NetworkCodes:
        form = FORMS[name]
        spellings, matters, texts = [], [], []
        for code in city.codes[name].codes:
            spelling = form.spell(code.code, code.version)
            if spelling is None or code.matter not in self.index:
                continue
            spellings.append(spelling)
            matters.append(self.index[code.matter])
            known = city.catalogue.matters[code.matter]
            texts += [phrase.format(known.name_zh or known.name) for phrase in form.phrases]
        classes = np.eye(len(self.matters), dtype=bool)[matters].T
        numbered = np.array([form.numbered(spelling) for spelling in spellings], dtype=bool)
        rows = _ragged(classes)
        knows = rows.number > 0
        different = knows[None, :] & ~np.eye(len(self.matters), dtype=bool)
        return NetworkCodes(
            form=form,
            weights=_mixed(self.column(reporting.mix) * knows, knows, reporting.rest),
            rows=rows,
            parts=_ragged(classes & numbered),
            numbered=numbered,
            exact=np.array([form.exact(spelling) for spelling in spellings], dtype=bool),
            spellings=objects(spellings),
            texts=objects(texts),
            confused=_ragged(alike & different),
            others=_ragged(different),
        )


def _mixed(mix: Column, knows: Column, rest: float) -> Column:
    """Weights of matters: the mix, and the rest shared equally by the other matters."""
    unnamed = knows & (mix == 0)
    if not mix.any():
        return knows / max(1, knows.sum())
    if not unnamed.any():
        return mix / mix.sum()
    return mix / mix.sum() * (1 - rest) + unnamed / unnamed.sum() * rest


def _alike(city: City, matters: Sequence[str]) -> Column:
    """Whether two matters are of one group of the catalogue. Does not use merging.yaml, which is evaluated with this data."""
    groups = np.array([city.catalogue.matters[matter].group for matter in matters])
    alike: Column = groups[:, None] == groups[None, :]
    return alike


def _ragged(marked: Column) -> Ragged:
    """Row -> indices of the marked columns."""
    number = marked.sum(axis=1)
    values = np.flatnonzero(marked.ravel()) % marked.shape[1] if marked.any() else np.zeros(1, dtype=np.int64)
    return Ragged(first=np.cumsum(number) - number, number=number, values=values)


def objects(values: Sequence[Any]) -> Column:
    """An object column of any values."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
