"""Text from outside made safe to print: no escape sequences, no line breaks, nothing that turns the direction of writing."""

import json
import unicodedata

UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a terminal obeys or hides instead of showing: control, format (bidi overrides too), ..."""
SHOWN_AS = "\N{REPLACEMENT CHARACTER}"
CUT = "\N{HORIZONTAL ELLIPSIS}"


def plain(text: str, at_most: int | None = None) -> str:
    """One line of what can be seen; each unseen character becomes U+FFFD, and a longer text ends with an ellipsis."""
    if at_most is not None and len(text) > at_most:
        text = text[: max(at_most - len(CUT), 0)] + CUT
    if text.isprintable():
        return text
    return "".join(c if unicodedata.category(c) not in UNSEEN else SHOWN_AS for c in text)


def escaped(text: str) -> str:
    """JSON that means the same, in which what cannot be seen is written out; outside of texts JSON has nothing of the kind."""
    if text.isprintable():
        return text
    return "".join(c if unicodedata.category(c) not in UNSEEN else json.dumps(c)[1:-1] for c in text)


def plain_bytes(content: bytes, at_most: int | None = None) -> str:
    """Bytes as text when they are UTF-8 without NUL, else as `hex:...`; made plain."""
    head = content if at_most is None else content[: 4 * at_most]
    try:
        text = head.decode() if len(head) == len(content) else _decode_head(head)
    except UnicodeDecodeError:
        text = "hex:" + head.hex()
    else:
        text = "hex:" + head.hex() if "\0" in text else text
    return plain(text, at_most)


def _decode_head(head: bytes) -> str:
    """A cut may fall inside a character (at most 4 bytes), which is no reason to call a text binary."""
    for missing in range(4):
        try:
            return head[: len(head) - missing].decode()
        except UnicodeDecodeError:
            continue
    return head.decode()
