"""诉讼服务: the community of the defendant's address, without a point; times with a zone; ids are case numbers."""

from router.simulator.synthetic.forms.form import Form, Page, Written, as_it_is
from router.simulator.synthetic.local_time import zoned

_PRIORITIES = ("ordinary", "ordinary", "ordinary", "urgent")


def _write(page: Page) -> Written:
    reported = zoned(page.reported)
    ids = [
        f"{at[:4]}-Y{cell[2:4]}-SQT-{number}"
        for at, cell, number in zip(reported, page.cells, page.numbers, strict=True)
    ]
    columns = zip(
        ids, reported, zoned(page.occurred), page.spellings, page.cells, page.texts, page.people, page.things, page.grades,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"caseNo":"{id_}","serviceCode":"{code}","defendantCommunity":"{cell[:12]}","arisenAt":"{seen}","filedAt":"{at}",'
        f'"priority":"{_PRIORITIES[grade]}","plaintiffRef":"P-{person:08x}","defendantRef":"P-{thing:06d}d","summary":"{text}"}}'
        for id_, at, seen, code, cell, text, person, thing, grade in columns
    ]


FORM = Form(
    network="litigation-services",
    datum=None,
    zoned=True,
    writes_cell=False,
    spell=as_it_is,
    write=_write,
    phrases=("原告因{}申请立案", "诉前调解：{}", "当事人咨询{}", "{}，申请保全"),
)
