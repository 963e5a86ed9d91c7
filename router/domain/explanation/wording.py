"""The words of an explanation: closed lists of the model in English and Chinese, and how names and times are written."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from router.domain.calendar.deadlines import Why
from router.domain.catalogue.escalations import LadderStep
from router.domain.explanation.case_life import Decisions
from router.domain.model.case import CaseState, JoinKind
from router.domain.model.escalation import Settled
from router.domain.model.feedback import FeedbackKind
from router.domain.model.transition import TaskStage
from router.domain.model.vocabulary import Closing, ResolvedBy, Role, Status


class Bilingual(NamedTuple):
    """A word or a clause in both languages."""

    en: str
    zh: str


STAGES: Mapping[TaskStage, Bilingual] = {
    "verifying": Bilingual("waiting for an inspector to verify it", "待核实"),
    "filing": Bilingual("waiting to be filed", "待立案"),
    "dispatched": Bilingual("dispatched", "已派遣"),
    "accepted": Bilingual("accepted", "已受理"),
    "handling": Bilingual("in work", "处置中"),
    "suspended": Bilingual("suspended", "已挂账"),
    "handled": Bilingual("handled", "处置完成"),
    "returned": Bilingual("returned", "已退单"),
    "withdrawn": Bilingual("withdrawn", "已撤回"),
    "closed": Bilingual("closed", "已结案"),
    "rejected": Bilingual("not filed", "不予立案"),
}
"""Stages of a task."""
SUPERVISED = Bilingual("supervision", "监督方")
"""Who checks, files and decides."""
STATES: Mapping[CaseState, Bilingual] = {
    "verifying": Bilingual("waiting for an inspector to verify it", "待核实"),
    "filing": Bilingual("waiting to be filed", "待立案"),
    "dispatched": Bilingual("dispatched", "已派遣"),
    "accepted": Bilingual("accepted", "已受理"),
    "handling": Bilingual("in work", "处置中"),
    "suspended": Bilingual("suspended", "已挂账"),
    "checking": Bilingual("waiting for a check", "待核查"),
    "closed": Bilingual("closed", "已结案"),
    "rejected": Bilingual("rejected", "不予立案"),
    "empty": Bilingual("without reports", "无上报"),
}
"""States of a case."""
ROLES: Mapping[Role, Bilingual] = {"lead": Bilingual("lead", "主办"), "assist": Bilingual("assistant", "协办")}
STATUSES: Mapping[Status, Bilingual] = {
    "Actual": Bilingual("real", "真实事件"),
    "Exercise": Bilingual("a drill", "演练"),
    "Test": Bilingual("a test", "测试"),
}
CLOSINGS: Mapping[Closing, Bilingual] = {
    "closed": Bilingual("closed", "已办结"),
    "cancelled": Bilingual("cancelled", "已取消"),
}
JOINED: Mapping[JoinKind, Bilingual] = {
    "opened": Bilingual("opened the case", "建立了本案"),
    "component": Bilingual("joined, because it names the same managed component", "并入本案：指向同一部件"),
    "near": Bilingual("joined, because it is near in place and time", "并入本案：地点与时间相近"),
    "reference": Bilingual("joined, because it names the same reporter or person", "并入本案：同一上报人或当事人"),
    "community": Bilingual(
        "joined, because it is in the same community, and one of the two has no point",
        "并入本案：同一社区（其中一方无坐标）",
    ),
}
"""Why a report is in a case."""
RESOLVED: Mapping[ResolvedBy, Bilingual] = {
    "code": Bilingual("the network named the cell", "上报已注明网格"),
    "point": Bilingual("the point lies in the cell", "坐标落在网格内"),
    "nearest": Bilingual("the nearest cell to a point outside all cells", "坐标在网格之外，取最近网格"),
    "community": Bilingual("the cell stands for the community", "以社区默认网格代替"),
    "fallback": Bilingual(
        "nothing is known of the place, the cell stands for the city", "位置不明，以城市默认网格代替"
    ),
}
"""How a cell was determined."""
FEEDBACK: Mapping[FeedbackKind, Bilingual] = {
    "verified": Bilingual("found on site that it is so", "核实属实"),
    "file": Bilingual("filed the case", "立案"),
    "reject": Bilingual("did not file the case", "不予立案"),
    "accept": Bilingual("took the task on", "受理任务"),
    "return": Bilingual("returned the task", "退单"),
    "progress": Bilingual("reported progress", "反馈进展"),
    "handled": Bilingual("reported it as handled", "反馈处置完成"),
    "ask-extension": Bilingual("asked for more time", "申请延期"),
    "ask-support": Bilingual("asked another department for support", "请求协助"),
    "answer": Bilingual("answered as an assistant", "协办答复"),
    "transfer": Bilingual("handed the task over, and its limit runs on", "转交对接"),
    "supervise": Bilingual("put the task under supervision", "督办"),
    "check-passed": Bilingual("found on site that it is done", "核查通过"),
    "check-failed": Bilingual("found on site that it is not done", "核查不通过"),
    "suspend": Bilingual("suspended the task", "挂账"),
    "resume": Bilingual("let the task go on", "恢复办理"),
    "grant-extension": Bilingual("granted more time", "同意延期"),
    "reject-extension": Bilingual("granted no more time", "拒绝延期"),
    "reroute": Bilingual("gave the task to another department", "强制派遣"),
    "close": Bilingual("closed the case", "结案"),
    "reopen": Bilingual("opened the case again", "重新立案"),
    "silence": Bilingual("muted reminders and escalations of the case", "静默"),
}
"""What the sender of feedback did. A kind that is not here is named as it is."""
SETTLED: Mapping[Settled, Bilingual] = {
    "in-time": Bilingual(
        "the task was done or left in time, and its message came late", "任务按时完成或转出，消息迟到"
    ),
    "late": Bilingual("the task was done or left after its limit", "任务超时完成或转出"),
    "more-time": Bilingual("there is more time, or the time is paused", "时限已延长或暂停计时"),
}
"""How an escalation was settled."""
SPANS: Mapping[Why, Bilingual] = {
    "all-hours": Bilingual("every hour counts", "全时计入"),
    "office-hours": Bilingual("office hours count", "办公时间计入"),
    "duty-hours": Bilingual("duty hours count", "值班时间计入"),
    "working-day": Bilingual("counts, a working day", "计入，工作日"),
    "makeup-workday": Bilingual("counts, a make-up workday", "计入，调休上班日"),
    "start-day": Bilingual("does not count, the day of the start", "不计，起始当日"),
    "closed": Bilingual("does not count, the start is after the last window", "不计，起始晚于当日最后办公时段"),
    "day-off": Bilingual("does not count, a day off", "不计，休息日"),
    "holiday": Bilingual("does not count, a holiday", "不计，节假日"),
}
"""Why days and windows count."""


class Wording:
    """How an explanation writes names and times.

    Args:
        decisions: of the rule set that the case names; None if it cannot be read. Then names are ids, and times are UTC.
    """

    def __init__(self, decisions: Decisions | None) -> None:
        self._decisions = decisions
        self.zone = decisions.zone if decisions is not None else UTC

    def time(self, at: datetime) -> str:
        """A wall time of the city to the minute, or to the second if it is none of a whole minute."""
        local = at.astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M:%S}" if local.second or local.microsecond else f"{local:%Y-%m-%d %H:%M}"

    def department(self, id_: str, unit: str | None = None) -> Bilingual:
        """A department with its unit."""
        known = self._decisions.catalogue.departments.get(id_) if self._decisions is not None else None
        inner = known.units.get(unit) if known is not None and known.units and unit else None
        if inner is not None:
            units = Bilingual(f", unit {inner.en} ({unit})", f"{inner.zh or inner.en}（{unit}）")
        else:
            units = Bilingual(f", unit {unit}", f"（{unit}）") if unit else Bilingual("", "")
        if known is None:
            return Bilingual(id_ + units.en, id_ + units.zh)
        return Bilingual(f"{known.name.en} ({id_}){units.en}", f"{known.name.zh or known.name.en}（{id_}）{units.zh}")

    def authority(self, id_: str, area: str | None, matter: str, role: Role) -> Bilingual:
        """An authority of the ladder that a matter has in this role, with the area that it has."""
        ladder = self._decisions.catalogue.ladder(matter, role) if self._decisions is not None else None
        step: LadderStep | None = next((one for one in ladder.steps if one.id == id_), None) if ladder else None
        known = (
            Bilingual(id_, id_)
            if step is None
            else Bilingual(f"{step.name} ({id_})", f"{step.name_zh or step.name}（{id_}）")
        )
        return Bilingual(f"{known.en} of {area}", f"{known.zh} {area}") if area else known

    def matter(self, id_: str) -> Bilingual:
        """A matter."""
        known = self._decisions.catalogue.matters.get(id_) if self._decisions is not None else None
        return (
            Bilingual(id_, id_)
            if known is None
            else Bilingual(f"{known.name} ({id_})", f"{known.name_zh or known.name}（{id_}）")
        )


def feedback_of(kind: str) -> Bilingual:
    """What a kind of feedback says its sender did."""
    for known, said in FEEDBACK.items():
        if known == kind:
            return said
    return Bilingual(f"said `{kind}`", f"反馈“{kind}”")
