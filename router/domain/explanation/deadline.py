"""Why a task is due when it is: limit, windows, pauses, extensions and calendar, by the computation that made the deadline."""

from collections.abc import Iterator
from datetime import datetime

from router.domain.calendar.budget import due_of, is_countable
from router.domain.calendar.deadlines import DeadlineExplanation, Span, explain_deadline
from router.domain.calendar.limits import Limit, Unit, read_limit
from router.domain.case.milestones import timed_milestones
from router.domain.explanation.case_life import Decisions, Sentence
from router.domain.explanation.wording import SPANS, Bilingual, Wording
from router.domain.lifecycle.stages import is_unheard
from router.domain.model.case import Assignment, Case
from router.domain.model.milestone import Milestone

_UNITS: dict[Unit, Bilingual] = {
    "calendar-hours": Bilingual("calendar hours", "自然小时"),
    "working-hours": Bilingual("working hours", "工作时"),
    "urgent-working-hours": Bilingual("urgent working hours", "紧急工作时"),
    "working-days": Bilingual("working days", "工作日"),
}


_PLANNED = Bilingual("Its case is not filed, so no limit of its department runs.", "尚未立案，部门时限未起算。")


def explain_due(case: Case, one: Assignment, decisions: Decisions | None) -> Iterator[Sentence]:
    """Why the limit of an assignment ends when it does, computed again.

    Args:
        case: as it is now.
        one: its assignment.
        decisions: of the case's rule set; None if that cannot be read.
    """
    limit = read_limit(one.limit) if one.limit is not None else None
    if is_unheard(one):
        yield _about(one, "due", _PLANNED)
        return
    if limit is None:
        yield from _without_limit(one, Wording(decisions))
        return
    if decisions is None or not is_countable(limit, decisions.calendar):
        yield _about(one, "due-recorded", _recorded(one, Wording(None)))
        return
    start = one.dispatched_at or case.opened_at
    yield from _counted(one, limit, start, decisions)
    yield _about(one, "due", _outcome(one, start, decisions))
    counted = timed_milestones(one.milestones, start, one.pauses, decisions.calendar)
    for milestone, found in zip(one.milestones, counted, strict=True):
        yield _about(one, "milestone", _milestone(milestone, found.due_at, start, decisions))


def _about(one: Assignment, kind: str, said: Bilingual) -> Sentence:
    return Sentence(kind=kind, en=said.en, zh=said.zh, task=one.task)


def _without_limit(one: Assignment, wording: Wording) -> Iterator[Sentence]:
    if one.due_at is None:
        yield _about(one, "due", Bilingual("It has no limit.", "没有时限。"))
    else:  # a record of an earlier release
        yield _about(one, "due-recorded", _recorded(one, wording))


def _recorded(one: Assignment, wording: Wording) -> Bilingual:
    if one.due_at is None:
        return Bilingual(f"Its limit of {one.limit} is paused.", f"时限 {one.limit} 暂停计时。")
    when = wording.time(one.due_at)
    return Bilingual(
        f"It is due on {when}, as its record says; the rules that led there cannot be read.",
        f"记录的截止时间为 {when}；所依据的规则无法读取。",
    )


def _counted(one: Assignment, limit: Limit, start: datetime, decisions: Decisions) -> Iterator[Sentence]:
    """The limit alone, then each pause and each extension with what it moved."""
    wording, calendar = Wording(decisions), decisions.calendar
    explained = explain_deadline(start, limit, calendar)
    unit, since, until = _UNITS[limit.calendar], wording.time(start), wording.time(explained.at)
    yield _about(
        one,
        "limit",
        Bilingual(
            f"Its limit is {limit.amount} {unit.en} from {since}; alone it would end on {until}.",
            f"时限为 {limit.amount} {unit.zh}，自 {since} 起；不计其他因素，截止 {until}。",
        ),
    )
    if explained.calendar is not None:
        yield from (_about(one, "span", _span(span, wording)) for span in explained.spans)
        yield _about(one, "calendar", _calendar(explained, decisions))
    for number, pause in enumerate(one.pauses, 1):
        ends = _due(one, start, decisions, extensions=0, pauses=number)
        from_ = wording.time(pause.since)
        to = Bilingual("now", "至今") if pause.until is None else Bilingual(*[wording.time(pause.until)] * 2)
        moved = _moved(ends)
        yield _about(
            one,
            "pause",
            Bilingual(
                f"Its time stood still from {from_} to {to.en}: {moved.en}.",
                f"{from_} 至 {to.zh} 暂停计时：{moved.zh}。",
            ),
        )
    for number, extension in enumerate(one.extensions, 1):
        ends = _due(one, start, decisions, extensions=number, pauses=len(one.pauses))
        moved = _moved(ends)
        yield _about(
            one,
            "extension",
            Bilingual(f"{extension} more were granted: {moved.en}.", f"同意延期 {extension}：{moved.zh}。"),
        )


def _moved(ends: str | None) -> Bilingual:
    """When a limit ends after a pause or an extension."""
    if ends is None:
        return Bilingual("it has no end yet", "尚无截止时间")
    return Bilingual(f"it ends on {ends}", f"截止 {ends}")


def _due(one: Assignment, start: datetime, decisions: Decisions, *, extensions: int, pauses: int) -> str | None:
    """When the limit ends with the first of its extensions and pauses."""
    texts = (one.limit or "", *one.extensions[:extensions])
    budgets = [limit for text in texts if (limit := read_limit(text)) is not None]
    found = due_of(start, budgets, one.pauses[:pauses], decisions.calendar)
    return None if found is None else Wording(decisions).time(found.at)


def _outcome(one: Assignment, start: datetime, decisions: Decisions) -> Bilingual:
    """The deadline, and whether the record says the same."""
    wording = Wording(decisions)
    computed = _due(one, start, decisions, extensions=len(one.extensions), pauses=len(one.pauses))
    recorded = None if one.due_at is None else wording.time(one.due_at)
    if computed is None and recorded is None:
        return Bilingual("So it is not due while its time is paused.", "暂停计时期间不到期。")
    if computed == recorded:
        sure = Bilingual(" It is provisional.", "（暂定）") if one.due_provisional else Bilingual("", "")
        return Bilingual(f"So it is due on {recorded}.{sure.en}", f"因此截止时间为 {recorded}{sure.zh}。")
    return Bilingual(
        f"Its record says {recorded or 'nothing'}, and rule set {decisions.rule_set} gives {computed or 'nothing'}: it was "
        "counted by another rule set.",
        f"记录为 {recorded or '无'}，而规则集 {decisions.rule_set} 得出 {computed or '无'}：计时所依据的是另一规则集。",
    )


def _milestone(one: Milestone, computed: datetime | None, start: datetime, decisions: Decisions) -> Bilingual:
    """When a milestone is due, computed again, whether the record says the same, and whether it is done."""
    wording, limit = Wording(decisions), read_limit(one.limit)
    assert limit is not None  # noqa: S101 - the catalogue has only limits
    unit, since = _UNITS[limit.calendar], wording.time(start)
    when = (
        Bilingual("not due while its time is paused", "暂停计时期间不到期")
        if computed is None
        else Bilingual(f"due on {wording.time(computed)}", f"截止 {wording.time(computed)}")
    )
    other = one.due_at != computed and Bilingual("; its record says another", "；与记录不同")
    done = one.done_at is not None and Bilingual(
        f"; done on {wording.time(one.done_at)}", f"；{wording.time(one.done_at)} 完成"
    )
    more = [said for said in (other, done) if said]
    return Bilingual(
        f"Its milestone `{one.id}` ({one.name}) has {limit.amount} {unit.en} from {since}: {when.en}{''.join(said.en for said in more)}.",
        f"阶段 {one.id}（{one.name}）时限 {limit.amount} {unit.zh}，自 {since} 起：{when.zh}{''.join(said.zh for said in more)}。",
    )


def _calendar(explained: DeadlineExplanation, decisions: Decisions) -> Bilingual:
    calendar = decisions.calendar
    assert calendar is not None  # noqa: S101 - the explanation used it
    years = f"{calendar.first}-{calendar.last}" if calendar.first < calendar.last else f"{calendar.first}"
    beyond = Bilingual("", "")
    if explained.provisional:
        beyond = Bilingual("; the limit reaches beyond them, so it is provisional", "；时限超出已公布年份，为暂定")
    return Bilingual(
        f"Counted by calendar {calendar.version} of {years}, in {decisions.zone}{beyond.en}.",
        f"按日历 {calendar.version}（{years}）计算，时区 {decisions.zone}{beyond.zh}。",
    )


def _span(span: Span, wording: Wording) -> Bilingual:
    """One window or run of days, and whether it counts."""
    said = SPANS[span.why]
    if span.since is not None and span.until is not None:
        since, until = wording.time(span.since), wording.time(span.until)
        hours = f"{span.seconds / 3600:.4g}"
        return _weekly(
            span, Bilingual(f"{since} to {until}: {said.en}, {hours} h", f"{since} 至 {until}：{said.zh}，{hours} 小时")
        )
    days = f"{span.first}" if span.first == span.last else f"{span.first} to {span.last}"
    days_zh = f"{span.first}" if span.first == span.last else f"{span.first} 至 {span.last}"
    en, zh = f"{days}: {said.en}", f"{days_zh}：{said.zh}"
    if span.days > 1:
        en, zh = f"{en}, {span.days} days", f"{zh}，{span.days} 天"
    if span.name:
        en, zh = f"{en} ({span.name})", f"{zh}（{span.name_zh or span.name}）"
    return _weekly(span, Bilingual(en, zh))


def _weekly(span: Span, said: Bilingual) -> Bilingual:
    if not span.provisional:
        return Bilingual(f"{said.en}.", f"{said.zh}。")
    return Bilingual(f"{said.en}, by the weekly pattern.", f"{said.zh}，按周规律推算。")
