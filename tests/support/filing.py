"""A lifecycle in which a case is verified and filed before its departments get tasks, for the tiny city of tests."""

from router.domain.case.task_record import task
from router.domain.lifecycle.stages import is_planned
from router.domain.model.task import Task
from tests.support.catalogue_lists import WORK
from tests.support.driver import Driver

FILED_WORK = (
    WORK.replace("    steps:", "    lifecycle: filed\n    steps:")
    + """\
      checking: {text: {en: Looked at}}
lifecycles:
  filed:
    name: {en: Verified and filed first}
    stages:
      verifying: {limit: 4h, on: {verified: filing, file: dispatched, reject: rejected}}
      filing: {limit: 8h, on: {file: dispatched, reject: rejected}}
      dispatched:
        on: {accept: accepted, return: returned, handled: handled, ask-support: dispatched, answer: closed, transfer: withdrawn,
          suspend: suspended, reroute: withdrawn, close: closed}
      accepted: {on: {progress: handling, handled: handled, answer: closed, suspend: suspended, reroute: withdrawn, close: closed}}
      handling: {on: {progress: handling, handled: handled, answer: closed, suspend: suspended, reroute: withdrawn, close: closed}}
      suspended: {limit: 30d, on: {resume: handling, close: closed}}
      handled: {limit: 1d, on: {check-passed: closed, check-failed: handling, close: closed}}
      closed: {on: {reopen: handling}}
      rejected: {on: {file: dispatched}}
"""
)
"""work.yaml."""


def known_tasks(driver: Driver) -> list[Task]:
    """What feedback can be about: tasks that departments have, and those that are planned or were not filed."""
    planned = [
        task(case, one, driver.rules.of(case.rule_set).catalogue)
        for case in driver.cases
        for one in case.assignments
        if is_planned(one) or one.stage == "rejected"
    ]
    return [*driver.tasks, *planned]
