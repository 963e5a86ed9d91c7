"""环保投诉 and 超标数据: WGS 84, times with a zone; a mobile station measures what people smell."""

from router.simulator.synthetic.forms.form import Form, Page, Spelling, Written
from router.simulator.synthetic.local_time import zoned

_LIMITS = {
    "H2S": 0.06,
    "NH3": 1.5,
    "PM2.5": 75,
    "PM10": 150,
    "NO2": 200,
    "SO2": 500,
    "O3": 200,
    "VOC": 0.6,
    "noise": 60,
}
"""Limits with their units; 10 for other pollutants."""
_UNITS = {"PM2.5": "ug/m3", "PM10": "ug/m3", "NO2": "ug/m3", "SO2": "ug/m3", "O3": "ug/m3", "noise": "dB"}
_EXCESS = (1.2, 1.7, 2.5, 5.5)
"""Value / limit by apparent severity."""


def _spell(code: str, version: str | None) -> Spelling:
    """For a reading its fields by severity, for a complaint its category."""
    del version
    kind, _, pollutant = code.partition("/")
    if kind != "reading":
        return code
    name = pollutant or "dust"
    limit, unit = _LIMITS.get(name, 10), _UNITS.get(name, "mg/m3")
    return [
        f'"pollutant":"{name}","value":{round(limit * excess, 4)},"limit":{limit},"unit":"{unit}"' for excess in _EXCESS
    ]


def _write(page: Page) -> Written:
    reported, occurred = zoned(page.reported), zoned(page.occurred)
    ids = [f"HB{number:08d}" for number in page.numbers]
    columns = zip(
        ids, reported, occurred, page.spellings, page.cells, page.lon, page.lat, page.texts, page.people, page.grades,
        strict=True,
    )  # fmt: skip
    return (
        ids,
        [
            f'{{"id":"{id_}","kind":"reading","stationId":"M-{cell[:9]}",{code[grade]},'
            f'"observedAt":"{at}","longitude":{lon},"latitude":{lat},"note":"{text}"}}'  # `note` is not in the schema; real stations send such fields
            if isinstance(code, list)
            else f'{{"id":"{id_}","kind":"complaint","category":"{code}","reportedAt":"{at}","occurredAt":"{seen}",'
            f'"longitude":{lon},"latitude":{lat},"communityCode":"{cell[:12]}","content":"{text}",'
            f'"complainantRef":"P-{person:08x}"}}'
            for id_, at, seen, code, cell, lon, lat, text, person, grade in columns
        ],
    )


FORM = Form(
    network="environment",
    datum="wgs84",
    zoned=True,
    writes_cell=False,
    spell=_spell,
    write=_write,
    exact=lambda spelling: isinstance(spelling, list),
    phrases=("附近{}，要求查处", "投诉{}", "{}，持续多日", "夜间{}，影响休息"),
)
