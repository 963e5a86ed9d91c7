"""110 接警单: GCJ-02 coordinates, wall times without separators, the unit of the police grid."""

from router.simulator.synthetic.forms.form import Form, Page, Spelling, Written
from router.simulator.synthetic.local_time import compact


def _spell(code: str, version: str | None) -> Spelling:
    """All three levels of the class; parents are prefixes."""
    del version
    subtype = f',"bjxldm":"{code}"' if len(code) > 4 else ""
    return f'"bjlbdm":"{code[:2]}","bjlxdm":"{code[:4]}"{subtype}'


def _write(page: Page) -> Written:
    reported = compact(page.reported)
    ids = [f"{at[:8]}{number:08d}" for at, number in zip(reported, page.numbers, strict=True)]
    columns = zip(
        ids, reported, compact(page.occurred), page.spellings, page.areas, page.cells,
        page.lon, page.lat, page.texts, page.people, page.grades,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"jjdbh":"{id_}","bjsj":"{at}","sfsj":"{seen}",{kind},"gxdwdm":"{unit or cell[:9] + "000"}",'
        f'"jd":{lon},"wd":{lat},"bjnr":"{text}","bjrbs":"P-{person:08x}","jqdj":"{4 - grade}","csbz":"0"}}'
        for id_, at, seen, kind, unit, cell, lon, lat, text, person, grade in columns
    ]


FORM = Form(
    network="policing",
    datum="gcj02",
    zoned=False,
    writes_cell=False,
    spell=_spell,
    write=_write,
    phrases=("群众报警称此处有{}", "报警人称发现{}，请派人处理", "来电反映{}", "{}，现场有人"),
)
