"""What happened to a case, in order of time."""

from collections.abc import Iterator

from router.domain.explanation.case_life import CaseLife, Sentence
from router.domain.explanation.wording import JOINED, SETTLED, STAGES, SUPERVISED, Bilingual, Wording, feedback_of
from router.domain.lifecycle.lifecycles import PLANNED
from router.domain.model.case import CaseReport, Departure
from router.domain.model.escalation import Escalation
from router.domain.model.feedback import SUPERVISION
from router.domain.model.transition import Transition


def explain_history(life: CaseLife, wording: Wording) -> list[Sentence]:
    """What happened, in order of time: reports, versions, departures, transitions, escalations, the end of the merge window."""
    case = life.case
    sentences = [sentence for report in case.reports for sentence in _report(report, wording)]
    sentences += [_departed(one, wording) for one in case.departed]
    sentences += [_transition(one, wording) for one in life.transitions]
    sentences += [_escalation(one, wording) for one in life.escalations]
    if case.window_closed_at is not None:
        when = wording.time(case.window_closed_at)
        sentences.append(
            Sentence(
                kind="window",
                en=f"{when}: the merge window was closed, no further report joins.",
                zh=f"{when}：合并窗口关闭，不再并入新的上报。",
                at=case.window_closed_at,
            )
        )
    return sorted(sentences, key=lambda sentence: sentence.at or case.opened_at)


def _report(one: CaseReport, wording: Wording) -> Iterator[Sentence]:
    """The first version of a report joined; each later one is a correction."""
    first = one.earlier[0].received_at if one.earlier else one.received_at
    when, why = wording.time(first), JOINED[one.joined]
    yield Sentence(kind="joined", en=f"{when}: {one.id} {why.en}.", zh=f"{when}：{one.id} {why.zh}。", at=first)
    later = [(known.version, known.received_at) for known in one.earlier[1:]]
    if one.earlier:
        later.append((one.version, one.received_at))
    for version, at in later:
        when = wording.time(at)
        yield Sentence(
            kind="corrected",
            en=f"{when}: {one.network} sent version {version} of {one.id}.",
            zh=f"{when}：{one.network} 发来 {one.id} 的第 {version} 版。",
            at=at,
        )
    if one.earlier_omitted:
        yield Sentence(
            kind="omitted",
            en=f"{one.earlier_omitted} versions of {one.id} between are on the network's topic only.",
            zh=f"{one.id} 其间另有 {one.earlier_omitted} 个版本，仅存于来源主题。",
            at=one.received_at,
        )


def _departed(one: Departure, wording: Wording) -> Sentence:
    when = wording.time(one.at)
    return Sentence(
        kind="departed",
        en=f"{when}: {one.report} left for {one.case}: {one.reason}.",
        zh=f"{when}：{one.report} 移出本案，转入 {one.case}：{one.reason}。",
        at=one.at,
    )


def _transition(one: Transition, wording: Wording) -> Sentence:
    """One change of a task: who did what, and what the stage was and is."""
    when, department, to = wording.time(one.at), wording.department(one.department), STAGES[one.to]
    if one.begin is None and one.to in PLANNED:
        change = Bilingual(
            f"{one.task} is planned for {department.en}, and is {to.en}",
            f"{one.task} 拟派遣给 {department.zh}，{to.zh}",
        )
    elif one.begin is None:
        change = Bilingual(f"{one.task} was given to {department.en}", f"{one.task} 派遣给 {department.zh}")
    elif one.begin == one.to:
        change = Bilingual(f"{one.task} of {department.en} stays {to.en}", f"{department.zh} 的 {one.task} 仍为{to.zh}")
    else:
        begin = STAGES[one.begin]
        change = Bilingual(
            f"{one.task} of {department.en} went from {begin.en} to {to.en}",
            f"{department.zh} 的 {one.task} 由{begin.zh}转为{to.zh}",
        )
    cause = _cause(one, wording)
    en, zh = f"{when}: {cause.en}{change.en}", f"{when}：{cause.zh}{change.zh}"
    if one.milestone:
        en, zh = f"{en}; done: {one.milestone}", f"{zh}；已完成阶段：{one.milestone}"
    if one.erased:
        en, zh = f"{en}; what was said is erased", f"{zh}；所述内容已删除"
    if one.reason:
        en, zh = f"{en}; reason: {one.reason}", f"{zh}；原因：{one.reason}"
    for file in one.evidence:
        en, zh = (
            f"{en}; evidence: {file.url} (SHA-256 {file.sha256})",
            f"{zh}；证据：{file.url}（SHA-256 {file.sha256}）",
        )
    return Sentence(kind="transition", en=f"{en}.", zh=f"{zh}。", at=one.at, task=one.task)


def _escalation(one: Escalation, wording: Wording) -> Sentence:
    """A reminder, an escalation, or what settled one: at the instant at which it was sent."""
    when, department = wording.time(one.sent_at), wording.department(one.department, one.unit)
    due, what = None if one.due_at is None else wording.time(one.due_at), _limit_of(one)
    if one.authority is None:
        who = department if one.waiting is None else SUPERVISED
        said = Bilingual(
            f"{who.en} was reminded that {what.en} is due on {due}", f"催办 {who.zh}：{what.zh} 截止 {due}"
        )
    else:
        authority = wording.authority(one.authority, one.area, one.matter, one.role)
        if one.settled is not None:
            how = SETTLED[one.settled]
            said = Bilingual(
                f"the escalation of {what.en} to {authority.en} was settled: {how.en}",
                f"{what.zh} 对 {authority.zh} 的升级解除：{how.zh}",
            )
        elif one.waiting is not None:
            stage = STAGES[one.waiting]
            said = Bilingual(
                f"{one.task} was escalated to {authority.en}, because it was still {stage.en} on {due}",
                f"{one.task} 升级上报 {authority.zh}：至 {due} 仍为{stage.zh}",
            )
        else:
            said = Bilingual(
                f"{what.en} was escalated to {authority.en}, because {department.en} had not answered by {due}",
                f"{what.zh} 升级上报 {authority.zh}：{department.zh} 至 {due} 未办结",
            )
    en, zh = said
    if one.late:
        en, zh = f"{en}; it came due on {wording.time(one.at)}", f"{zh}；应于 {wording.time(one.at)} 发出"
    return Sentence(kind=one.kind, en=f"{when}: {en}.", zh=f"{when}：{zh}。", at=one.sent_at, task=one.task)


def _limit_of(one: Escalation) -> Bilingual:
    """The task, its milestone, or the stage at which it waits."""
    if one.waiting is not None:
        stage = STAGES[one.waiting]
        return Bilingual(f"{one.task}, {stage.en},", f"{one.task}（{stage.zh}）")
    if one.milestone is not None:
        return Bilingual(f"milestone {one.milestone} of {one.task}", f"{one.task} 阶段 {one.milestone}")
    return Bilingual(one.task, one.task)


def _cause(one: Transition, wording: Wording) -> Bilingual:
    """Who caused a transition. A report needs no words: its own sentence stands beside it."""
    if one.cause == "erasure":
        return Bilingual(f"{one.actor} had data of persons erased: ", f"{one.actor} 删除个人信息：")
    if one.kind is None:
        return Bilingual("", "")
    did = feedback_of(one.kind)
    sender = SUPERVISED if one.sender in {None, SUPERVISION} else wording.department(str(one.sender))
    actor = Bilingual(f", {one.actor},", f"（{one.actor}）") if one.actor else Bilingual("", "")
    return Bilingual(f"{sender.en}{actor.en} {did.en}: ", f"{sender.zh}{actor.zh}{did.zh}：")
