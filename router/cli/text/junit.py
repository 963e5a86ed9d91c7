"""JUnit XML, as continuous integration reads it."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from msgspec import Struct

from router.cli.text.sanitize import plain


class TestCase(Struct, frozen=True, kw_only=True):
    """One test of a suite; it failed when it has a message."""

    __test__ = False

    name: str
    place: str
    """`file:line:column`."""
    failures: tuple[str, ...] = ()


class Suite(Struct, frozen=True, kw_only=True):
    """Tests that belong together."""

    name: str
    cases: Sequence[TestCase]


def junit(suites: Sequence[Suite]) -> bytes:
    """The document; texts are made plain, because XML cannot hold control characters."""
    root = Element("testsuites")
    for suite in suites:
        failed = sum(bool(case.failures) for case in suite.cases)
        counts = {"tests": str(len(suite.cases)), "failures": str(failed), "errors": "0"}
        element = SubElement(root, "testsuite", {"name": plain(suite.name)} | counts)
        for case in suite.cases:
            file, line, _ = case.place.rsplit(":", 2)
            one = SubElement(element, "testcase", classname=plain(suite.name), name=plain(case.name))
            one.set("file", plain(file))
            one.set("line", line)
            if case.failures:
                text = "\n".join(plain(message) for message in case.failures)
                SubElement(one, "failure", message=plain(case.failures[0])).text = text
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document
