"""GB/T 30428 案件: the class with its table's version, CGCS2000, the cell as the inspector entered it."""

from router.simulator.synthetic.forms.form import Form, Page, Spelling, Written
from router.simulator.synthetic.local_time import spaced

CODE_TABLE_VERSION = "GB/T 30428.2-2013"
"""Version for classes that the table has for every version: the one that inspectors use today."""


def _spell(code: str, version: str | None) -> Spelling | None:
    """Field, the digits after the county, whether a component's serial number follows, and the version."""
    kind, _, digits = code.partition("-")
    if kind not in ("event", "part") or not digits:
        return None
    field = "componentCode" if kind == "part" else "eventCode"
    return field, digits.ljust(4, "9"), kind == "part", version or CODE_TABLE_VERSION


def _write(page: Page) -> Written:
    reported = spaced(page.reported)
    ids = [f"{at[:4]}{at[5:7]}{at[8:10]}-{number:07d}" for at, number in zip(reported, page.numbers, strict=True)]
    columns = zip(
        ids, reported, spaced(page.occurred), page.spellings, page.counties, page.things, page.cells,
        page.lon, page.lat, page.texts, page.people,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"taskNum":"{id_}","{field}":"{f"{county}{digits}{thing:06d}" if part else cell[:6] + digits}","codeVersion":"{edition}",'
        f'"cellCode":"{cell}","x":{lon},"y":{lat},"foundTime":"{seen}","reportTime":"{at}","channel":"inspector",'
        f'"description":"{text}","reporterRef":"I-{person:08x}","status":"Actual"}}'
        for id_, at, seen, (field, digits, part, edition), county, thing, cell, lon, lat, text, person in columns
    ]


FORM = Form(
    network="urban-management",
    datum="wgs84",
    zoned=False,
    writes_cell=True,
    spell=_spell,
    write=_write,
    numbered=lambda spelling: bool(spelling[2]),
    phrases=("巡查发现{}", "{}，影响通行", "此处{}，请处置", "{}，照片后补"),
)
