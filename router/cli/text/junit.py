"""Test results as JUnit XML, for continuous integration."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from msgspec import Struct

from router.cli.text.sanitize import sanitize


class TestCase(Struct, frozen=True, kw_only=True):
    """One test of a suite. It failed if it has a failure message."""

    __test__ = False

    name: str
    place: str
    """`file:line:column`."""
    failures: tuple[str, ...] = ()


class Suite(Struct, frozen=True, kw_only=True):
    """The tests of one city."""

    name: str
    cases: Sequence[TestCase]


def junit(suites: Sequence[Suite]) -> bytes:
    """The XML document. Texts are sanitized, because XML cannot contain control characters."""
    root = Element("testsuites")
    for suite in suites:
        failed = sum(bool(case.failures) for case in suite.cases)
        counts = {"tests": str(len(suite.cases)), "failures": str(failed), "errors": "0"}
        element = SubElement(root, "testsuite", {"name": sanitize(suite.name)} | counts)
        for case in suite.cases:
            file, line, _ = case.place.rsplit(":", 2)
            one = SubElement(element, "testcase", classname=sanitize(suite.name), name=sanitize(case.name))
            one.set("file", sanitize(file))
            one.set("line", line)
            if case.failures:
                text = "\n".join(sanitize(message) for message in case.failures)
                SubElement(one, "failure", message=sanitize(case.failures[0])).text = text
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document
