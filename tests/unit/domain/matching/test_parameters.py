"""The parameters of merging: what they mean, and what is said about a wrong file."""

from datetime import timedelta

import pytest

from router.domain.documents import Source, read_yaml, validate
from router.domain.matching.parameters import MergeParameters, Pair
from tests.support.driver import MERGING, merging

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
def test_a_wrong_file_is_told_with_its_place(old: str, new: str, expected: str) -> None:
    found = findings(changed(old, new))
    assert any(f"merging.yaml:{expected}" in one for one in found), found
    assert all(one.endswith(".") for one in found)


def test_the_file_of_these_tests_is_right() -> None:
    assert findings(MERGING) == []


def test_a_pair_has_one_share_and_the_longer_window_and_the_larger_base_of_the_two() -> None:
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
    assert rules.pairs("a stranger") == {"a stranger": Pair(1.0, 24 * HOUR_US, 30.0)}


def test_a_case_waits_as_long_as_the_matter_says() -> None:
    rules = merging()
    assert (rules.window_of("hole"), rules.window_of("tree")) == (timedelta(hours=72), timedelta(hours=24))


@pytest.mark.parametrize(("of", "longest"), [("{hole: 72}", 72), ("{hole: 1}", 24), ("{hole: 1, tree: 8784}", 8784)])
def test_the_longest_window_is_that_of_any_matter(of: str, longest: int) -> None:
    assert merging(changed("{hole: 72}", of)).longest_window == timedelta(hours=longest)


def test_without_windows_of_matters_the_common_one_is_the_longest() -> None:
    assert merging(changed("window_hours_by_matter: {hole: 72}\n", "")).longest_window == timedelta(hours=24)


def test_a_file_of_before_means_what_it_meant() -> None:
    """Without the numbers that came later: all of the accuracies count, and a crowd takes nothing."""
    assert (merging().search_radius.accuracy_share, merging().density_penalty) == (1, 0)


def test_every_two_words_of_a_confusable_group_are_alike_and_an_affinity_of_their_own_counts_more() -> None:
    by = merging(f"{MERGING}confusable: {{affinity: 0.2, groups: [[tree, grass, noise], [hole, odour]]}}\n")
    own = {frozenset(affinity.between): affinity.affinity for affinity in by.affinities}
    assert by.pairs("tree")["tree"].affinity == 1
    assert by.pairs("tree")["noise"].affinity == by.pairs("noise")["tree"].affinity == 0.2
    assert by.pairs("tree")["grass"].affinity == own[frozenset(("tree", "grass"))]
    assert "odour" not in by.pairs("tree")
