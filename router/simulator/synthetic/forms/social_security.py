"""民政诉求: the community and no point, masked references of people."""

from router.simulator.synthetic.forms.form import Form, Page, Written, as_it_is
from router.simulator.synthetic.local_time import spaced

_LEVELS = ("ordinary", "ordinary", "soon", "urgent")


def _write(page: Page) -> Written:
    ids = [f"MZ{number:08d}" for number in page.numbers]
    columns = zip(
        ids, spaced(page.reported), spaced(page.occurred), page.spellings, page.cells,
        page.texts, page.people, page.subjects, page.grades,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"id":"{id_}","matterCode":"{code}","communityCode":"{cell[:12]}","reportedAt":"{at}","occurredAt":"{seen}",'
        f'"personRef":"P-{subject:08x}","reporterRef":"W-{person:08x}","level":"{_LEVELS[grade]}","content":"{text}"}}'
        for id_, at, seen, code, cell, text, person, subject, grade in columns
    ]


FORM = Form(
    network="social-security",
    datum=None,
    zoned=False,
    writes_cell=False,
    spell=as_it_is,
    write=_write,
    phrases=("走访了解到{}", "居民申请：{}", "代为登记{}", "{}，请核实"),
)
