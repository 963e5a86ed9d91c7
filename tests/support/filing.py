"""A lifecycle in which a case is verified and filed before its departments get tasks, for the tiny city of tests."""

from tests.support.catalogue_lists import WORK

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
