"""The published headers of a dead letter allow exactly the codes that the router writes."""

from typing import Any

from router.domain.model.rejection import REJECTION_CODES
from tests.support.schemas import ASYNCAPI, SCHEMAS

HEADER = "grid-dead-letter-code"


def test_the_published_header_has_every_rejection_code() -> None:
    published = SCHEMAS["headers/dead-letter.v1.json"]["properties"][HEADER]["enum"]
    assert published == list(REJECTION_CODES)


def test_asyncapi_names_no_other_rejection_codes() -> None:
    enums = list(_enums(ASYNCAPI))
    assert all(enum == list(REJECTION_CODES) for enum in enums), enums


def _enums(node: Any) -> list[list[str]]:
    """Every list of codes that a document gives for the header."""
    if isinstance(node, list):
        return [enum for item in node for enum in _enums(item)]
    if not isinstance(node, dict):
        return []
    header = node.get(HEADER)
    here = [header["enum"]] if isinstance(header, dict) and "enum" in header else []
    return here + [enum for item in node.values() for enum in _enums(item)]
