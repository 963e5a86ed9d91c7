"""Texts in other charsets than they should be, or say they are."""

from collections.abc import Iterator

from tests.support.poison.record import Headers, Poison, accepted, rejected, sound, written

UNDECLARED = "an encoding that is not UTF-8"
BOM = "a byte order mark"
DECLARED = "a charset that the header names"
_TEXT = "胜利路口两车相撞, 无人受伤"


def _alarm(name: str) -> str:
    return written(sound("policing", name, bjnr=_TEXT, sfdz="")).decode()


def says(charset: str) -> Headers:
    """The header that names a charset."""
    return (("content-type", f"application/json; charset={charset}".encode()),)


def undeclared() -> Iterator[Poison]:
    """Bytes that are no UTF-8, and nothing says what they are."""
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-16", "utf-32"):
        with_bom = "" if codec.endswith("e") else " with its mark"
        yield rejected(UNDECLARED, f"{codec.upper()}{with_bom}", "not-utf8", _alarm(codec).encode(codec))
    for codec in ("gb18030", "gbk", "big5", "shift_jis", "euc_kr", "iso2022_jp", "cp037"):
        text = _alarm(codec) if codec.startswith("gb") else _alarm(codec).replace(_TEXT, "中文")
        yield rejected(UNDECLARED, codec.upper(), "not-utf8 not-json", text.encode(codec, "replace"))
    for codec, text in (("latin-1", "Straße"), ("cp1252", "“Straße” für 5 €"), ("mac_roman", "Café")):
        value = _alarm(codec).replace(_TEXT, text).encode(codec, "replace")
        yield rejected(UNDECLARED, codec.upper(), "not-utf8", value)
    for name, bytes_ in {
        "a character cut after its first byte": b"\xe8",
        "a character cut after its second byte": b"\xe8\x83",
        "a continuation byte alone": b"\x80",
        "a slash in two bytes": b"\xc0\xaf",
        "a NUL in two bytes": b"\xc0\x80",
        "a surrogate in three bytes": b"\xed\xa0\xbd",
        "a surrogate pair in six bytes": b"\xed\xa0\xbd\xed\xb2\x97",
        "a character beyond Unicode": b"\xf4\x90\x80\x80",
        "a character of five bytes": b"\xf8\x88\x80\x80\x80",
        "the byte FF": b"\xff",
    }.items():
        value = _alarm(name).encode().replace(_TEXT.encode(), b"a" + bytes_ + b"b")
        yield rejected(UNDECLARED, name, "not-utf8", value)
    whole = _alarm("cut within a character").encode()
    cut = whole[: whole.index(_TEXT.encode()) + 1]
    yield rejected(UNDECLARED, "cut off within a character", "not-utf8", cut)
    why = "half of an emoji would be rejected, a whole one is text like any other"
    yield accepted(UNDECLARED, "an emoji in four bytes", why, _alarm("an emoji").replace(_TEXT, "🚗💥").encode())


def marks() -> Iterator[Poison]:
    """A byte order mark before UTF-8, which JSON must not have (RFC 8259, 8.1)."""
    yield rejected(BOM, "before UTF-8", "not-json", b"\xef\xbb\xbf" + _alarm("mark").encode())
    yield rejected(BOM, "twice", "not-json", b"\xef\xbb\xbf" * 2 + _alarm("marks").encode())
    yield rejected(BOM, "alone", "not-json", b"\xef\xbb\xbf")
    yield rejected(BOM, "before UTF-8 of the hotline", "not-json", b"\xef\xbb\xbf{}", "hotline")
    value = "\ufeff".encode("gb18030") + _alarm("mark gb").encode("gb18030")
    yield rejected(BOM, "before declared GB 18030", "not-json", value, headers=says("GB18030"))


def declared() -> Iterator[Poison]:
    """The header says something, right or wrong."""
    read = "the header says what the bytes are, and it is so"
    for name, codec in (("GB18030", "gb18030"), ('"gb18030"', "gb18030"), ("GBK", "gbk"), ("gb2312", "gb2312")):
        value = _alarm(f"declared {name}").encode(codec)
        yield accepted(DECLARED, f"{name}, which it is", read, value, headers=says(name))
    value = _alarm("utf-8 declared").encode()
    yield accepted(DECLARED, "UTF-8, which it is", read, value, headers=says("utf-8"))
    ascii_ = "ASCII is the same bytes in GB 18030"
    value = _alarm("ascii").replace(_TEXT, "two cars").encode()
    yield accepted(DECLARED, "GB18030, but it is ASCII", ascii_, value, headers=says("GB18030"))
    none = "a malformed parameter names no charset, and the bytes are UTF-8"
    for name, charset in (("of control characters", "\x1b[31m\u202e"), ("without a name", ""), ("cut off", '"gb')):
        value = _alarm(f"charset {name}").encode()
        yield accepted(DECLARED, f"a charset {name}", none, value, headers=says(charset))
    wrong = {
        "GB18030, but it is UTF-8": ("GB18030", _alarm("utf-8 as gb").encode()),
        "GB18030, but it is UTF-8 of an even length": ("GB18030", _alarm("even").replace(_TEXT, "火灾").encode()),
        "GB18030, but a byte is missing": ("GB18030", _alarm("gb cut").encode("gb18030").replace(b"\xd7", b"", 1)),
        "GB18030, but it holds the byte FF": ("GB18030", _alarm("gb ff").encode("gb18030").replace(b"\xca", b"\xff")),
        "UTF-8, but it is GB 18030": ("utf-8", _alarm("gb as utf-8").encode("gb18030")),
        "US-ASCII, but it is GB 18030": ("us-ascii", _alarm("gb as ascii").encode("gb18030")),
        "UTF-16, which it is": ("utf-16", _alarm("utf-16 said").encode("utf-16")),
        "Latin 1, which it is": ("iso-8859-1", _alarm("latin said").replace(_TEXT, "Café").encode("latin-1")),
        "Big5, which it is": ("big5", _alarm("big5 said").replace(_TEXT, "中文").encode("big5")),
        "a charset that does not exist": ("klingon", _alarm("klingon").encode()),
        "a charset of 10,000 letters": ("x" * 10_000, _alarm("long charset").encode()),
    }
    for name, (charset, content) in wrong.items():
        yield rejected(DECLARED, name, "bad-charset not-utf8 not-json", content, headers=says(charset))
