"""综治网格事件: the cell as the grid worker entered it, the phone's point in GCJ-02, wall times without separators."""

from router.simulator.synthetic.forms.form import Form, Page, Written, padded
from router.simulator.synthetic.local_time import compact


def _write(page: Page) -> Written:
    reported = compact(page.reported)
    ids = [f"ZZ{at[:8]}{number:08d}" for at, number in zip(reported, page.numbers, strict=True)]
    columns = zip(
        ids, reported, compact(page.occurred), page.spellings, page.cells,
        page.lon, page.lat, page.texts, page.people, page.grades,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"event_no":"{id_}","event_type":"{code}","grid_code":"{cell}","lng":{lon},"lat":{lat},"occur_time":"{seen}",'
        f'"report_time":"{at}","event_scale":"0{grade + 1}","urgent_degree":"{3 - grade * 2 // 3}","found_by":"patrol",'
        f'"content":"{text}","gridman_ref":"W-{person:08x}","data_kind":"formal"}}'
        for id_, at, seen, code, cell, lon, lat, text, person, grade in columns
    ]


FORM = Form(
    network="governance",
    datum="gcj02",
    zoned=False,
    writes_cell=True,
    spell=padded(4),
    write=_write,
    phrases=("网格员走访发现{}", "网格内{}", "{}，已告知居民", "居民反映{}"),
)
