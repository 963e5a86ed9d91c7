"""安监隐患: the enterprise's point in CGCS2000 and its professional grid of 20 digits (CJ/T 349)."""

from router.simulator.synthetic.forms.form import Form, Page, Written, as_it_is
from router.simulator.synthetic.local_time import spaced

OBJECT = "020101"
"""Managed object of a grid when the city has no grids of its own."""


def _write(page: Page) -> Written:
    ids = [f"YH{number:08d}" for number in page.numbers]
    columns = zip(
        ids, spaced(page.reported), spaced(page.occurred), page.spellings, page.areas, page.cells,
        page.lon, page.lat, page.texts, page.people, page.things, page.grades,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"YHBH":"{id_}","YHDM":"{code}","ZYWG":"{area or OBJECT + cell[:12] + "00"}","QYBS":"QY-{thing:06d}","JD":{lon},'
        f'"WD":{lat},"FXSJ":"{seen}","SBSJ":"{at}","YHJB":"{3 - grade * 2 // 3}","YHLY":"1","YHMS":"{text}",'
        f'"JCRBS":"W-{person:08x}","YLBZ":"0"}}'
        for id_, at, seen, code, area, cell, lon, lat, text, person, thing, grade in columns
    ]


FORM = Form(
    network="work-safety",
    datum="wgs84",
    zoned=False,
    writes_cell=False,
    spell=as_it_is,
    write=_write,
    phrases=("检查发现{}", "现场存在{}", "{}，责令限期整改", "企业自查报告{}"),
)
