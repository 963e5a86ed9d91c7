"""信访件: the community without a point, wall times without separators, classes of six digits."""

from router.simulator.synthetic.forms.form import Form, Page, Written, padded
from router.simulator.synthetic.local_time import compact

_PEOPLE = ("1", "2", "6", "35")


def _write(page: Page) -> Written:
    reported = compact(page.reported)
    ids = [f"XF{at[:4]}{number:08d}" for at, number in zip(reported, page.numbers, strict=True)]
    columns = zip(
        ids, reported, compact(page.occurred), page.spellings, page.cells, page.texts, page.people, page.grades,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"xfjbh":"{id_}","nrfldm":"{code}","wtsddm":"{cell[:12]}","djsj":"{at}","wtfssj":"{seen}","xfxs":"{person % 4 + 1}",'
        f'"xfrs":"{_PEOPLE[grade]}","jjcd":"{3 - grade * 2 // 3}","gynr":"{text}","xfrbs":"P-{person:08x}"}}'
        for id_, at, seen, code, cell, text, person, grade in columns
    ]


FORM = Form(
    network="petitions",
    datum=None,
    zoned=False,
    writes_cell=False,
    spell=padded(6),
    write=_write,
    phrases=("来信反映{}", "来访人诉求：{}", "网上投诉{}长期未解决", "要求处理{}"),
)
