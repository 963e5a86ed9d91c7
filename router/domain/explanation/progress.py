"""How far the case of a report is, in plain words for the person who reported it: no text, no place, no person, no id.

It follows from the case alone, as `derived.py` and feedback have made it.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from sys import intern
from typing import Literal

from msgspec import Struct

from router.domain.explanation.wording import Bilingual
from router.domain.lifecycle.stages import is_live, is_planned
from router.domain.model.case import Assignment, Case, CaseState
from router.domain.model.rejection import REJECTION_CODES, RejectionCode

ReceiptStage = Literal[
    "received",
    "rejected",
    "unknown",
    "verifying",
    "filing",
    "dispatched",
    "accepted",
    "handling",
    "suspended",
    "handled",
    "closed",
    "not-filed",
]
RECEIPT_STAGES: Mapping[ReceiptStage, str] = {
    "received": "Kafka has the report. No case has it yet.",
    "rejected": "The router could not process it.",
    "unknown": "Nothing is known of it: no case has it since a day, or its case was finished long ago.",
    "verifying": "An inspector looks at it, before it is filed.",
    "filing": "A supervisor decides whether it is filed.",
    "dispatched": "A department has the task, and has not taken it on.",
    "accepted": "The department has taken it on.",
    "handling": "The department works on it.",
    "suspended": "It cannot be done now, and its time is paused.",
    "handled": "The department has reported it as handled; an inspector checks it.",
    "closed": "Its case is closed.",
    "not-filed": "Its case was not filed.",
}
"""How far a report is, and what that means."""
STAGE_OF_STATE: dict[CaseState, ReceiptStage] = {
    "verifying": "verifying",
    "filing": "filing",
    "dispatched": "dispatched",
    "accepted": "accepted",
    "handling": "handling",
    "suspended": "suspended",
    "checking": "handled",
    "closed": "closed",
    "rejected": "not-filed",
    "empty": "unknown",
}


class CaseProgress(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a receipt says of a case."""

    revision: int
    stage: ReceiptStage
    reports: int
    changed_at: datetime
    lead: str | None = None
    """Department that answers for the case, or did when it was closed; None before it has heard of it, or if there is none."""
    assistants: tuple[str, ...] = ()
    due_at: datetime | None = None
    closed_at: datetime | None = None
    matter: str = ""
    opened_at: datetime | None = None


def progress_of(case: Case) -> CaseProgress:
    """How far a case is."""
    stage = STAGE_OF_STATE[case.state]
    leads = [one for one in case.assignments if one.role == "lead" and not is_planned(one)]
    lead = next((one for one in leads if is_live(one)), None)
    if lead is None and stage == "closed":
        lead = next((one for one in reversed(leads) if one.stage == "closed"), None)
    assistants = tuple(one.department for one in case.assignments if _assists(one))
    return CaseProgress(
        revision=case.revision,
        stage=stage,
        reports=len(case.reports),
        changed_at=case.updated_at,
        lead=None if lead is None else lead.department,
        assistants=assistants,
        due_at=None if lead is None or stage in {"handled", "closed"} else lead.due_at,
        closed_at=case.closed_at if stage in {"closed", "not-filed"} else None,
        matter=intern(case.matter),
        opened_at=case.opened_at,
    )


def _assists(one: Assignment) -> bool:
    return one.role == "assist" and is_live(one) and not is_planned(one)


class ReceiptWords:
    """Writes what a receipt says.

    Args:
        department: the name of a department in both languages.
        zone: of the city.
    """

    def __init__(self, department: Callable[[str], Bilingual], zone: tzinfo) -> None:
        self._department, self._zone = department, zone

    def about(
        self,
        stage: ReceiptStage,
        received_at: datetime,
        progress: CaseProgress | None = None,
        rejected: str | None = None,
    ) -> Bilingual:
        """What a receipt says, some sentences.

        Args:
            stage: how far the report is.
            received_at: when the gateway received it.
            progress: of its case; None if no case is known.
            rejected: code by which the record of this receipt was rejected; None if it was not.
        """
        at = self._time(received_at)
        said = [Bilingual(f"The report was received on {at}.", f"上报已于 {at} 接收。"), *self._rest(stage, progress)]
        if rejected is not None:
            said.append(_rejected(rejected, known=progress is not None))
        return Bilingual(" ".join(one.en for one in said), "".join(one.zh for one in said))

    def _rest(self, stage: ReceiptStage, progress: CaseProgress | None) -> Iterator[Bilingual]:
        if progress is None:
            known = _WITHOUT_CASE.get(stage)
            if known is not None:
                yield known
            return
        others = progress.reports - 1
        if others > 0:
            word = "report" if others == 1 else "reports"
            yield Bilingual(f"It is in one case with {others} other {word}.", f"已与另外 {others} 件上报并为同一案卷。")
        yield self._state(stage, progress)
        if progress.due_at is not None:
            due = self._time(progress.due_at)
            yield Bilingual(f"It is due on {due}.", f"办理时限为 {due}。")
        if progress.assistants:
            names = [self._department(one) for one in dict.fromkeys(progress.assistants)]
            yield Bilingual(
                f"Assisting: {', '.join(one.en for one in names)}.", f"协办：{'、'.join(one.zh for one in names)}。"
            )

    def _state(self, stage: ReceiptStage, progress: CaseProgress) -> Bilingual:
        who = Bilingual("the department", "责任部门") if progress.lead is None else self._department(progress.lead)
        closed = "" if progress.closed_at is None else self._time(progress.closed_at)
        by = "" if progress.lead is None else f" {_upper(who.en)} handled it."
        by_zh = "" if progress.lead is None else f"由{who.zh}办理，"
        found: dict[ReceiptStage, Bilingual] = {
            "verifying": Bilingual("An inspector will look at it on site.", "正在等待现场核实。"),
            "filing": Bilingual("A supervisor has to decide whether it is filed.", "正在等待立案。"),
            "dispatched": Bilingual(
                f"It was given to {who.en}, which has not taken it on yet.", f"已派遣给{who.zh}，尚未受理。"
            ),
            "accepted": Bilingual(f"{_upper(who.en)} has taken it on.", f"{who.zh}已受理。"),
            "handling": Bilingual(f"{_upper(who.en)} works on it.", f"{who.zh}正在处置。"),
            "suspended": Bilingual(
                f"It is suspended at {who.en}: it cannot be done now.", f"暂不具备处置条件，已在{who.zh}挂账。"
            ),
            "handled": Bilingual(
                f"{_upper(who.en)} has reported it as handled; an inspector will check it.",
                f"{who.zh}已处置完成，等待核查。",
            ),
            "closed": Bilingual(
                f"Its case was closed{f' on {closed}' if closed else ''}.{by}",
                f"{by_zh}{f'已于 {closed} ' if closed else '已'}结案。",
            ),
            "not-filed": Bilingual("Its case was not filed, so no department works on it.", "经审核不予立案。"),
        }
        return found.get(stage) or _WITHOUT_CASE["unknown"]

    def _time(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"


_WITHOUT_CASE: dict[ReceiptStage, Bilingual] = {
    "received": Bilingual("It is not in a case yet; that usually takes seconds.", "尚未并入案卷，通常只需数秒。"),
    "unknown": Bilingual(
        "Nothing is known of it here: it is not in a case yet, or its case was finished long ago.",
        "此处暂无其案卷信息：可能尚未并入案卷，或案卷早已办结。",
    ),
}


_REJECTIONS_ZH: dict[RejectionCode, str] = {
    "empty": "内容为空",
    "too-large": "内容过大",
    "unreadable-batch": "压缩数据无法解开",
    "bad-charset": "字符集不符",
    "not-utf8": "不是 UTF-8 文本",
    "not-json": "不是 JSON",
    "schema": "字段缺失、类型不符或超出范围",
    "bad-id": "编号缺失或格式不符",
    "bad-time": "时间不存在或格式不符",
    "personal-data": "字段含证件号码或电话号码",
    "unknown-code": "类别代码不在代码表内",
    "wrong-key": "记录键与编号不符",
    "too-many-versions": "更正次数过多",
    "superseded": "已有更新的版本",
    "id-reused": "该编号现指向另一事件",
    "too-late": "所更正的案卷已不再保留",
    "case-full": "案卷已满",
    "not-an-event": "不是本系统的事件",
    "defect": "系统故障",
}
"""Codes of rejections in Chinese; `REJECTION_CODES` has them in English."""


def _rejected(code: str, *, known: bool) -> Bilingual:
    """That the record of a receipt was rejected; `known`: whether a case has the report all the same, by another version or a redrive."""
    en = next((text for one, text in REJECTION_CODES.items() if one == code), f"Code `{code}`.")
    zh = next((text for one, text in _REJECTIONS_ZH.items() if one == code), code)
    if known:
        return Bilingual(
            f"The version that this receipt is for was rejected when it arrived: {en}",
            f"本回执对应的版本在接收后被拒收，原因：{zh}。",
        )
    return Bilingual(
        f"It was rejected afterwards: {en} Correct it and send it again.",
        f"接收后被拒收，原因：{zh}。请更正后重新上报。",
    )


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]
