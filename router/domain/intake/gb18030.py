"""GB 18030 as its 2022 version maps it: no character of the standard is read as a private-use code point.

Python's codec follows the version of 2000, which mapped 25 characters of two bytes to private use. The version of 2005 gave one
of them its code point in Unicode, the version of 2022 gave 18 more, and left six to their codes of four bytes.
As the Unicode Technical Committee recommends (L2/23-003R), codes of both old and new writers are read as the character that
they mean. So text that was written by the older table loses nothing.
"""

import re

_CHARACTERS = {
    0xA6D9: "\ufe10",
    0xA6DA: "\ufe12",
    0xA6DB: "\ufe11",
    0xA6DC: "\ufe13",
    0xA6DD: "\ufe14",
    0xA6DE: "\ufe15",
    0xA6DF: "\ufe16",
    0xA6EC: "\ufe17",
    0xA6ED: "\ufe18",
    0xA6F3: "\ufe19",
    0xA8BC: "\u1e3f",
    0xFE51: "\U00020087",
    0xFE52: "\U00020089",
    0xFE53: "\U000200cc",
    0xFE59: "\u9fb4",
    0xFE61: "\u9fb5",
    0xFE66: "\u9fb6",
    0xFE67: "\u9fb7",
    0xFE6C: "\U000215d7",
    0xFE6D: "\u9fb8",
    0xFE76: "\U0002298f",
    0xFE7E: "\u9fb9",
    0xFE90: "\u9fba",
    0xFE91: "\U000241fe",
    0xFEA0: "\u9fbb",
}
"""Code of two bytes -> its character."""
_MOVED = {ord(code.to_bytes(2, "big").decode("gb18030")): char for code, char in _CHARACTERS.items()}
"""What Python's codec makes of each code -> the character. A codec of the newer table makes it the character itself."""
_find_moved = re.compile(f"[{''.join(map(chr, _MOVED))}]").search


def decode(value: bytes) -> str:
    """Text in GB 18030, GBK or GB 2312.

    Raises:
        UnicodeDecodeError: the bytes are in none of them.
    """
    text = value.decode("gb18030")
    return text.translate(_MOVED) if _find_moved(text) else text
