"""人民调解: the community of the mediation committee, without a point; masked parties."""

from router.simulator.synthetic.forms.form import Form, Page, Written, as_it_is
from router.simulator.synthetic.local_time import spaced

_RISKS = ("blue", "yellow", "orange", "red")


def _write(page: Page) -> Written:
    ids = [f"TJ{number:08d}" for number in page.numbers]
    columns = zip(
        ids, spaced(page.reported), spaced(page.occurred), page.spellings, page.cells,
        page.texts, page.people, page.things, page.grades,
        strict=True,
    )  # fmt: skip
    return ids, [
        f'{{"dispute_no":"{id_}","dispute_type":"{code}","community_code":"{cell[:12]}","happened_at":"{seen}",'
        f'"accepted_at":"{at}","risk_level":"{_RISKS[grade]}",'
        f'"parties":[{{"role":"applicant","ref":"P-{thing:06d}a"}},{{"role":"respondent","ref":"P-{thing:06d}b"}}],'
        f'"summary":"{text}","mediator_ref":"W-{person:08x}"}}'
        for id_, at, seen, code, cell, text, person, thing, grade in columns
    ]


FORM = Form(
    network="mediation",
    datum=None,
    zoned=False,
    writes_cell=False,
    spell=as_it_is,
    write=_write,
    phrases=("双方因{}发生争执", "申请调解{}", "{}，已约双方到场", "排查出{}"),
)
