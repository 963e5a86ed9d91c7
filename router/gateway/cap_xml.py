"""An alert of OASIS CAP 1.2 in XML, as the value of a record of the network `cap`.

The parser is hardened (defusedxml): a document type is rejected before anything in it is read, so no entity is ever declared, and nothing is fetched. Depth, elements and
bytes are bounded. Elements of other namespaces, such as a signature, are left out, and those that an alert does not have in CAP 1.2: the value has members beside
the elements, such as the id of the chain, and the router may take it for an envelope. Nothing here decides about the alert: the translation of the network answers.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from router.domain.networks.cap import chain_id
from router.gateway.problems import ProblemError

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
NETWORK, ID_FIELD = "cap", "id"
MAX_DEPTH = 8
"""Elements within each other; an alert has five."""
MAX_ELEMENTS = 20_000
OF_ALERT = frozenset(
    {
        "identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses", "code", "note",
        "references", "incidents", "info",
    }
)  # fmt: skip
"""Elements of an alert (CAP 1.2, 3.2.1)."""
LISTS = frozenset(
    {
        "code", "info", "category", "responseType", "eventCode", "parameter", "resource", "area", "polygon", "circle", "geocode",
    }
)  # fmt: skip
"""Elements that may occur more than once (CAP 1.2, 3.2); any other occurs once."""
PARTS = frozenset({"alert", "info", "eventCode", "parameter", "resource", "area", "geocode"})
"""Elements that have elements."""
SPACED = frozenset({"references", "polygon", "circle"})
"""Elements whose parts have white space between them."""
HINT = f"send one `alert` of the namespace {NAMESPACE}."


def cap_value(body: bytes) -> bytes:
    """The value of the record: the elements of the alert as JSON, and the id of its chain.

    Raises:
        ProblemError: the body is no alert in XML, or one that the parser may not read.
    """
    target = _Alert()
    try:
        parser = DefusedXMLParser(target=target, forbid_dtd=True)
        parser.feed(body)
        alert: dict[str, Any] = parser.close()
    except DefusedXmlException:
        raise _wrong("the document has a document type, which is never read; leave it out") from None
    except (ParseError, ValueError, LookupError):
        raise _wrong("the body is no well-formed XML of one root element, in a charset that XML parsers know") from None
    said = [alert.get(name) for name in ("sender", "identifier", "sent", "references")]
    sender, identifier, sent, references = (one if isinstance(one, str) else "" for one in said)
    return orjson.dumps({**alert, ID_FIELD: chain_id(sender, identifier, sent, references)})


class _Alert:
    """Makes the tree of an alert while the parser reads it."""

    def __init__(self) -> None:
        self._open: list[tuple[str, Any, list[str]]] = []
        """Names of the elements around, what they have, and their texts; a name of another namespace is empty."""
        self._elements = 0
        self._made: dict[str, Any] = {}

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._elements += 1
        if len(self._open) >= MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise _wrong(f"the document has more than {MAX_DEPTH} elements within each other, or {MAX_ELEMENTS} in all")
        namespace, _, name = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
        if not self._open and (namespace, name) != (NAMESPACE, "alert"):
            raise _wrong("the root element is no alert of CAP 1.2")
        within = self._open[-1][0] if self._open else "alert"
        known = namespace == NAMESPACE and within in PARTS and (len(self._open) != 1 or name in OF_ALERT)
        self._open.append((name if known else "", {} if name in PARTS else None, []))

    def data(self, text: str) -> None:
        """A piece of text."""
        self._open[-1][2].append(text)

    def end(self, _tag: str) -> None:
        """An element ends."""
        name, members, texts = self._open.pop()
        if not self._open:
            self._made = members
            return
        around, content = self._open[-1][1], members if name in PARTS else _text(name, "".join(texts))
        if not name or around is None or content in ("", {}):
            return
        if name in LISTS:
            around.setdefault(name, []).append(content)
        elif name in around:
            raise _wrong(f"`{name}` occurs twice in one element")
        else:
            around[name] = content

    def close(self) -> dict[str, Any]:
        """What the alert has."""
        return self._made


def _text(name: str, text: str) -> str:
    """The text of an element, without the blanks around it; in lists of pairs and references every blank is one space."""
    return " ".join(text.split()) if name in SPACED else text.strip()


def _wrong(what: str) -> ProblemError:
    return ProblemError("malformed", f"{what}; {HINT}")
