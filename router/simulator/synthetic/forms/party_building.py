"""党建吹哨: the community, and the phone's point when there is one; times with a zone."""

from router.simulator.synthetic.forms.form import Form, Page, Written, as_it_is
from router.simulator.synthetic.local_time import zoned

_LEVELS = ("一般", "一般", "紧急", "特急")


def _write(page: Page) -> Written:
    ids = [f"DJ{number:08d}" for number in page.numbers]
    columns = zip(
        ids, zoned(page.reported), zoned(page.occurred), page.spellings, page.cells,
        page.lon, page.lat, page.texts, page.people, page.grades,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"whistleId":"{id_}","matterCode":"{code}","branchCode":"{cell[:12]}-01","communityCode":"{cell[:12]}",'
        f'"position":{{"lon":{lon},"lat":{lat}}},"happenedAt":"{seen}","raisedAt":"{at}","level":"{_LEVELS[grade]}",'
        f'"content":"{text}","raisedBy":"W-{person:08x}"}}'
        for id_, at, seen, code, cell, lon, lat, text, person, grade in columns
    ]


FORM = Form(
    network="party-building",
    datum="wgs84",
    zoned=True,
    writes_cell=False,
    spell=as_it_is,
    write=_write,
    phrases=("党支部反映{}", "党员报到发现{}", "吹哨事项：{}", "{}，请职能部门报到"),
)
