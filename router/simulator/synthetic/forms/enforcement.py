"""综合执法线索: a GeoJSON point in CGCS2000 and a professional grid of 20 digits (CJ/T 349), wall times."""

from router.simulator.synthetic.forms.form import Form, Page, Written, as_it_is
from router.simulator.synthetic.local_time import spaced

OBJECT = "030201"
"""Managed object of a grid when the city has no grids of its own."""
_DEGREES = ("minor", "ordinary", "serious", "grave")


def _write(page: Page) -> Written:
    ids = [f"ZF{number:08d}" for number in page.numbers]
    columns = zip(
        ids, spaced(page.reported), spaced(page.occurred), page.spellings, page.areas, page.cells,
        page.lon, page.lat, page.texts, page.people, page.grades,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"clueNo":"{id_}","causeCode":"{code}","gridCode":"{area or OBJECT + cell[:12] + "00"}",'
        f'"location":{{"type":"Point","coordinates":[{lon},{lat}]}},"occurTime":"{seen}","registerTime":"{at}",'
        f'"clueSource":"patrol","degree":"{_DEGREES[grade]}","facts":"{text}","officerRef":"W-{person:08x}"}}'
        for id_, at, seen, code, area, cell, lon, lat, text, person, grade in columns
    ]


FORM = Form(
    network="enforcement",
    datum="wgs84",
    zoned=False,
    writes_cell=False,
    spell=as_it_is,
    write=_write,
    phrases=("执法巡查发现{}", "当事人涉嫌{}", "{}，已取证", "移送线索：{}"),
)
