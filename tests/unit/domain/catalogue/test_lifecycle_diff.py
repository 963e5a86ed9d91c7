"""What two catalogues do differently with a task after its dispatch."""

from router.domain.catalogue.lifecycle_diff import LifecycleChange, lifecycle_changes
from tests.support.catalogue_lists import DUTIES, WORK, catalogue

CHECKED = WORK + "      checking: {text: {en: Looked at}}\n"
LIFE = """\
lifecycles:
  short:
    name: {en: Short}
    stages:
      dispatched: {on: {handled: handled, close: closed}}
      handled: {limit: 8h, on: {check-passed: closed}}
"""


def change(what: str, before: str, after: str) -> LifecycleChange:
    return LifecycleChange(what=what, before=before, after=after)


def test_equal_catalogues_differ_in_nothing() -> None:
    assert lifecycle_changes(catalogue(), catalogue()) == ()


def test_a_step_that_is_required_now_changes_what_handled_leads_to() -> None:
    found = lifecycle_changes(catalogue(), catalogue(work=CHECKED))
    assert change("field: handled at accepted", "closed", "handled") in found
    assert change("field: check-passed at handled", "none", "closed") in found
    assert not any("suspend" in one.what for one in found)


def test_limits_arbitration_and_transfers_are_listed() -> None:
    work = CHECKED.replace("    steps:", "    lifecycle: short\n    steps:") + LIFE
    other = work.replace("limit: 8h", "limit: 2d")
    duties = "arbitration: {department: police, unit: centre, limit: 1d}\ntransfers: [[roads, parks]]\n" + DUTIES
    assert lifecycle_changes(catalogue(work=work), catalogue(work=other, duties=duties)) == (
        change("field: limit of handled", "8h", "48h"),
        change("arbitration", "none", "police/centre within 24h"),
        change("transfers", "none", "parks and roads"),
    )
