"""What comes next on the ladder of a task, by the computation that sends it."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from router.domain.explanation.case_life import Decisions, Sentence
from router.domain.explanation.wording import SUPERVISED, Bilingual, Wording
from router.domain.lifecycle.ladder import Due, next_of, runs, timer_of
from router.domain.model.case import Assignment, Case
from router.domain.model.escalation import Escalation


def explain_next_step(
    case: Case, one: Assignment, decisions: Decisions | None, escalations: Sequence[Escalation] = ()
) -> Iterator[Sentence]:
    """Who hears next of the limit of an assignment, and when; nothing if the matter has no ladder.

    Args:
        case: as it was at its latest change.
        one: its assignment.
        decisions: of the case's rule set; None if that cannot be read.
        escalations: what was sent about the case. A step writes no case, so the case does not know the latest ones.
    """
    prefix = f"{one.task}/{one.round}/"
    since = [
        each.id.removeprefix(prefix) for each in escalations if each.id.startswith(prefix) and each.kind != "cleared"
    ]
    since = [name for name in since if name not in one.sent]
    if decisions is None:
        if one.timer_at is not None and not since:
            when = Wording(None).time(one.timer_at)
            yield _about(
                one, Bilingual(f"The next step of its ladder comes due on {when}.", f"升级阶梯的下一步于 {when} 到期。")
            )
        return
    due = next_of(case, replace(one, sent=(*one.sent, *since)), decisions)
    ladder = decisions.catalogue.ladder(case.matter, one.role if due is None or due.waiting is None else "lead")
    if ladder is None:
        return
    if due is not None:
        yield _about(one, _next(case, one, due, ladder.id, decisions, fresh=not since))
    elif one.stage == "suspended":
        yield _about(one, Bilingual("Its ladder waits while its time is paused.", "暂停计时期间不催办、不升级。"))
    elif one.due_at is not None and runs(one):
        yield _about(
            one,
            Bilingual(
                f"Nothing is left of ladder {ladder.id}: all of it was sent.", f"升级阶梯 {ladder.id} 已全部执行。"
            ),
        )


def _next(case: Case, one: Assignment, due: Due, ladder: str, decisions: Decisions, *, fresh: bool) -> Bilingual:
    """The step that is next. If nothing was sent since the case was written (`fresh`), whether its record says the same instant."""
    wording, step, at = Wording(decisions), due.step, timer_of(case, due) or due.at
    when, part = wording.time(at), Bilingual("", "")
    if due.milestone is not None:
        part = Bilingual(f" for milestone {due.milestone.id}", f"（阶段 {due.milestone.id}）")
    if step.digits is None:
        who = wording.department(one.department, one.unit) if due.waiting is None else SUPERVISED
        said = Bilingual(
            f"Next on ladder {ladder}{part.en}: on {when} {who.en} is reminded, {step.limit} before the end",
            f"升级阶梯 {ladder}{part.zh} 的下一步：{when} 催办 {who.zh}（截止前 {step.limit}）",
        )
    else:
        area = case.cell[: step.digits] or None
        authority = wording.authority(step.id, area, case.matter, one.role)
        said = Bilingual(
            f"Next on ladder {ladder}{part.en}: on {when} it is escalated to {authority.en}, if it is not answered by then",
            f"升级阶梯 {ladder}{part.zh} 的下一步：届时仍未办结，{when} 升级上报 {authority.zh}",
        )
    if not fresh or one.timer_at is None or one.timer_at == at:
        return Bilingual(f"{said.en}.", f"{said.zh}。")
    recorded = wording.time(one.timer_at)
    return Bilingual(
        f"{said.en}; its record says {recorded}, by another rule set.",
        f"{said.zh}；记录为 {recorded}，依据另一规则集。",
    )


def _about(one: Assignment, said: Bilingual) -> Sentence:
    return Sentence(kind="ladder", en=said.en, zh=said.zh, task=one.task)
