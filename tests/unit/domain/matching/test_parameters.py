"""The merge parameters: their meaning, and the errors of an invalid file."""

import re
from datetime import timedelta

import pytest

from router.domain.documents import Source, read_yaml, validate
from router.domain.matching.parameters import Affinity, Confusable, Evidence, MergeParameters, Pair, SearchRadius
from tests.support.driver import MERGING, merging
from tests.support.repository import ROOT

HOUR_US = 3_600_000_000


def findings(text: str) -> list[str]:
    document, wrong = read_yaml(Source("merging.yaml", text))
    if document is not None:
        _, wrong = validate(MergeParameters, document)
    return [str(finding) for finding in wrong]


def changed(old: str, new: str) -> str:
    assert old in MERGING
    return MERGING.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("suggest: 0.3", "suggest: 0.6", "1:13: GR003 `thresholds`: `suggest` must not be above `merge`"),
        ("merge: 0.5", "merge: 1.5", "1:21: GR003 `thresholds.merge`: input should be less than or equal to 1"),
        ("suggest: 0.3", "suggest: 0", "1:35: GR003 `thresholds.suggest`: input should be greater than 0"),
        ("merge: 0.5, ", "", "1:1: GR005 `thresholds.merge` is missing"),
        ("max_m: 150", "max_m: 0", "2:36: GR003 `search_radius.max_m`: input should be greater than or equal to 1"),
        ("base_m: 30", "base_m: -1", "2:25: GR003 `search_radius.base_m`: input should be greater than or equal to 0"),
        (", max_m: 150", "", "2:1: GR005 `search_radius.max_m` is missing"),
        ("{hole: 0}", "{hole: wide}", "3:26: GR003 `base_m_by_matter.hole`: input should be a valid number"),
        ("window_hours: 24", "window_hours: 0", "4:15: GR003 `window_hours`: input should be greater than or equal"),
        ("window_hours: 24", "window_hours: 1.5", "4:15: GR003 `window_hours`: input should be a valid integer"),
        ("window_hours: 24\n", "", "1:1: GR005 `window_hours` is missing"),
        (
            "{hole: 72}",
            "{hole: 9000}",
            "5:32: GR003 `window_hours_by_matter.hole`: input should be less than or equal to 8784",
        ),
        (
            "decay_at_window_end: 0.6",
            "decay_at_window_end: -0.1",
            "6:22: GR003 `decay_at_window_end`: input should be greater than or equal to 0",
        ),
        ("decay_at_max_distance: 0.5", "fra: 0.5", "7:1: GR002 unknown key `fra`"),
        (
            ", max_m",
            ", accuracy_share: 1.5, max_m",
            "2:45: GR003 `search_radius.accuracy_share`: input should be less than or equal to 1",
        ),
        (
            "decay_at_window_end: 0.6",
            "density_penalty: -1\ndecay_at_window_end: 0.6",
            "6:18: GR003 `density_penalty`: input should be greater than or equal to 0",
        ),
        ("[tree, grass]", "[tree]", "10:6: GR005 `affinities.0.between.1` is missing"),
        ("[tree, grass]", "[tree, tree]", "10:5: GR003 `affinities.0`: `tree` and itself are always 1"),
        (
            "affinity: 0.45",
            "affinity: 45",
            "11:40: GR003 `affinities.1.affinity`: input should be less than or equal to 1",
        ),
        ("[grass, hole]", "[grass, tree]", "10:3: GR003 `affinities`: grass and tree stand here twice"),
        (
            "decay_at_window_end: 0.6",
            "decay_at_window_end: 0.6\ndecay_at_window_end: 0.7",
            "7:1: GR004 `decay_at_window_end` stands here again (first in line 6)",
        ),
        ("decay_at_window_end: 0.6", "decay_at_window_end: [0.6", "7:22: GR001 no readable YAML"),
    ],
)
def test_an_error_in_the_file_names_its_place(old: str, new: str, expected: str) -> None:
    found = findings(changed(old, new))
    assert any(f"merging.yaml:{expected}" in one for one in found), found
    assert all(one.endswith(".") for one in found)


def test_the_file_of_these_tests_is_valid() -> None:
    assert findings(MERGING) == []


def test_a_pair_has_the_longer_window_and_the_larger_base() -> None:
    rules = merging()
    assert rules.pairs("grass") == {
        "grass": Pair(1.0, 24 * HOUR_US, 30.0),
        "tree": Pair(0.9, 24 * HOUR_US, 30.0),
        "hole": Pair(0.45, 72 * HOUR_US, 30.0),
    }
    assert rules.pairs("hole") == {
        "hole": Pair(1.0, 72 * HOUR_US, 0.0),
        "grass": Pair(0.45, 72 * HOUR_US, 30.0),
    }
    assert rules.pairs("an unknown matter") == {"an unknown matter": Pair(1.0, 24 * HOUR_US, 30.0)}


def test_a_matter_may_have_its_own_window() -> None:
    rules = merging()
    assert (rules.window_of("hole"), rules.window_of("tree")) == (timedelta(hours=72), timedelta(hours=24))


@pytest.mark.parametrize(("of", "longest"), [("{hole: 72}", 72), ("{hole: 1}", 24), ("{hole: 1, tree: 8784}", 8784)])
def test_the_longest_window_is_that_of_any_matter(of: str, longest: int) -> None:
    assert merging(changed("{hole: 72}", of)).longest_window == timedelta(hours=longest)


def test_without_windows_of_matters_the_common_one_is_the_longest() -> None:
    assert merging(changed("window_hours_by_matter: {hole: 72}\n", "")).longest_window == timedelta(hours=24)


def test_a_file_without_the_later_keys_means_what_it_meant() -> None:
    """Defaults of the later keys: both accuracies count in full, and rivals lower no score."""
    assert (merging().search_radius.accuracy_share, merging().density_penalty) == (1, 0)


def test_an_affinity_overrides_that_of_a_confusable_group() -> None:
    by = merging(f"{MERGING}confusable: {{affinity: 0.2, groups: [[tree, grass, noise], [hole, odour]]}}\n")
    own = {frozenset(affinity.between): affinity.affinity for affinity in by.affinities}
    assert by.pairs("tree")["tree"].affinity == 1
    assert by.pairs("tree")["noise"].affinity == by.pairs("noise")["tree"].affinity == 0.2
    assert by.pairs("tree")["grass"].affinity == own[frozenset(("tree", "grass"))]
    assert "odour" not in by.pairs("tree")


OLD = """\
thresholds: {merge: 0.5, suggest: 0.3}
reach: {base_m: 30, accuracies: 0.5, most_m: 150}
base_m_of: {hole: 0}
window_hours: 24
window_hours_of: {hole: 72}
late: 0.6
far: 0.5
same_community: 0.4
crowding: 1
common: 1
same: {seats: [hotline], elsewhere: 0.5, reference: 0.5, reporters: [hotline], reference_m: 100}
affinities: [{between: [a, b], share: 0.5}]
confusable: {share: 0.5}
"""
"""merging.yaml with the keys of 0.1 and of development versions of 0.2."""


def test_every_old_key_is_named_with_its_new_key_and_nothing_else() -> None:
    assert findings(OLD) == [
        f"merging.yaml:{place}: GR002 unknown key `{old}`; it is now `{new}`."
        for place, old, new in (
            ("2:1", "reach", "search_radius"),
            ("2:21", "reach.accuracies", "accuracy_share"),
            ("2:38", "reach.most_m", "max_m"),
            ("3:1", "base_m_of", "base_m_by_matter"),
            ("5:1", "window_hours_of", "window_hours_by_matter"),
            ("6:1", "late", "decay_at_window_end"),
            ("7:1", "far", "decay_at_max_distance"),
            ("9:1", "crowding", "density_penalty"),
            ("10:1", "common", "frequency_penalty"),
            ("11:1", "same", "evidence"),
            ("11:8", "same.seats", "geocoded_sources"),
            ("11:26", "same.elsewhere", "off_address_factor"),
            ("11:42", "same.reference", "reference_factor"),
            ("11:58", "same.reporters", "citizen_networks"),
            ("11:80", "same.reference_m", "reference_radius_m"),
            ("12:32", "affinities.0.share", "affinity"),
            ("13:14", "confusable.share", "affinity"),
        )
    ]


def test_an_old_key_beside_its_new_key_is_unknown_all_the_same() -> None:
    both = changed("decay_at_window_end: 0.6", "decay_at_window_end: 0.6\nlate: 0.6")
    assert findings(both) == ["merging.yaml:7:1: GR002 unknown key `late`; it is now `decay_at_window_end`."]


def test_the_page_about_upgrades_has_every_old_key() -> None:
    page = (ROOT / "docs" / "how-to" / "upgrade.md").read_text("utf-8")
    for model in (MergeParameters, SearchRadius, Evidence, Affinity, Confusable):
        for old, new in model.renamed.items():
            assert re.search(rf"\| `(\w+(\[\])?\.)?{old}` \| `(\w+(\[\])?\.)?{new}` \|", page), old
