"""Makes text from outside safe to print: no escape sequences, no line breaks, no change of writing direction."""

import json
import unicodedata

INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a terminal obeys or hides: control, format (including bidi overrides), ..."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def sanitize(text: str, at_most: int | None = None) -> str:
    """One line of visible text. Each invisible character becomes U+FFFD, and a text that is cut ends with an ellipsis."""
    if at_most is not None and len(text) > at_most:
        text = text[: max(at_most - len(ELLIPSIS), 0)] + ELLIPSIS
    if text.isprintable():
        return text
    return "".join(c if unicodedata.category(c) not in INVISIBLE else REPLACEMENT for c in text)


def escape_json(text: str) -> str:
    """Equivalent JSON with every invisible character escaped. Outside of strings JSON has no such character."""
    if text.isprintable():
        return text
    return "".join(c if unicodedata.category(c) not in INVISIBLE else json.dumps(c)[1:-1] for c in text)


def sanitize_bytes(content: bytes, at_most: int | None = None) -> str:
    """Bytes as sanitized text if they are UTF-8 without NUL, else as `hex:...`."""
    head = content if at_most is None else content[: 4 * at_most]
    try:
        text = head.decode() if len(head) == len(content) else _decode_head(head)
    except UnicodeDecodeError:
        text = "hex:" + head.hex()
    else:
        text = "hex:" + head.hex() if "\0" in text else text
    return sanitize(text, at_most)


def _decode_head(head: bytes) -> str:
    """Decode bytes whose end may cut a character, which has at most 4 bytes."""
    for missing in range(4):
        try:
            return head[: len(head) - missing].decode()
        except UnicodeDecodeError:
            continue
    return head.decode()
