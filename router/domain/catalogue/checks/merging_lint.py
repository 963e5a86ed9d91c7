"""Checks that the lists and merging.yaml match. Findings GR040 to GR049.

The matter of the report that opened a case decides its lead. If two matters merge but have different leads, the first report
decides who gets the case. Lint reports such pairs.
"""

from collections.abc import Collection, Iterator
from itertools import product

from router.domain.catalogue.checks.coverage import moments, places
from router.domain.catalogue.checks.reference_lint import unknown
from router.domain.catalogue.resolve import STREET, Catalogue
from router.domain.documents import Document, Finding, found
from router.domain.matching.parameters import MergeParameters

NO_MATTER = "GR040"
OTHER_LEAD = "GR041"


def check(merging: MergeParameters, document: Document, catalogue: Catalogue, cells: Collection[str]) -> list[Finding]:
    """Matters of merging.yaml that the catalogue lacks, and merging matters with different leads."""
    return [*_unknown(merging, document, catalogue), *_leads(merging, document, catalogue, cells)]


def _unknown(merging: MergeParameters, document: Document, catalogue: Catalogue) -> Iterator[Finding]:
    named = [
        *((("base_m_by_matter", matter), matter) for matter in merging.base_m_by_matter),
        *((("window_hours_by_matter", matter), matter) for matter in merging.window_hours_by_matter),
        *(
            (("affinities", number, "between", place), matter)
            for number, affinity in enumerate(merging.affinities)
            for place, matter in enumerate(affinity.between)
        ),
        *(
            (("confusable", "groups", number, place), matter)
            for number, group in enumerate(merging.confusable.groups)
            for place, matter in enumerate(group)
        ),
    ]
    for path, matter in named:
        if matter not in catalogue.matters:
            yield unknown(NO_MATTER, document.mark(*path), "matter", matter, catalogue.matters)


def _leads(
    merging: MergeParameters, document: Document, catalogue: Catalogue, cells: Collection[str]
) -> Iterator[Finding]:
    chosen = places(catalogue, cells)
    for path, between in _merging(merging):
        if not catalogue.matters.keys() >= set(between):
            continue
        for place, at in product(chosen, moments(catalogue)):
            one, other = (catalogue.decide(m, place, catalogue.winner(m, place, at)) for m in between)
            leads = [route.assigned[0].department for route in (one, other) if route.assigned]
            if len(set(leads)) > 1:
                pair = " and ".join(f"{m} ({lead})" for m, lead in zip(between, leads, strict=True))
                message = f"{pair} merge in {place[:STREET]} but have different leads"
                mark = document.mark(*path)
                yield found(OTHER_LEAD, mark, message, "give both the same lead, or less affinity", level="warning")
                break


def _merging(merging: MergeParameters) -> Iterator[tuple[tuple[str | int, ...], tuple[str, str]]]:
    """All pairs of matters that merge, with their position. A group pairs each with its first, because leads are equal or not."""
    least = merging.thresholds.merge
    for number, affinity in enumerate(merging.affinities):
        if affinity.affinity >= least:
            yield ("affinities", number), affinity.between
    for number, (first, *others) in enumerate(
        merging.confusable.groups if merging.confusable.affinity >= least else ()
    ):
        for place, other in enumerate(others, 1):
            yield ("confusable", "groups", number, place), (first, other)
