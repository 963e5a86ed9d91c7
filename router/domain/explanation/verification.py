"""Whether the journal of a case is whole: its chain of hashes, its length, and that the tasks are what it says."""

from collections.abc import Iterator

from router.domain.explanation.case_life import CaseLife, Sentence
from router.domain.explanation.wording import STAGES
from router.domain.lifecycle.journal import broken_at, hash_of
from router.domain.lifecycle.stages import stage_of
from router.domain.model.case import Case
from router.domain.model.transition import Transition

FAULT = "fault"
"""Kind of a sentence that names a fault."""


def verify(life: CaseLife) -> list[Sentence]:
    """What is wrong with the journal of a case, or one sentence that it is whole.

    A record that was changed, left out, added or put in another place is named. A client that can write both `grid.transitions` and
    `grid.cases` can make up another whole chain; a broker's ACL keeps others from these topics.
    """
    faults = [*_chain(life), *_end(life)]
    if not faults:  # a broken journal says nothing about the tasks
        faults = list(_stages(life))
    return faults or [_whole(life.case)]


def is_whole(sentences: list[Sentence]) -> bool:
    """Whether none of the sentences of `verify` names a fault."""
    return not any(one.kind == FAULT for one in sentences)


def _fault(en: str, zh: str, task: str | None = None) -> Sentence:
    return Sentence(kind=FAULT, en=en, zh=zh, task=task)


def _chain(life: CaseLife) -> Iterator[Sentence]:
    broken = broken_at(life.transitions)
    if broken is None:
        return
    place = next(number for number, one in enumerate(life.transitions) if one is broken)
    where = f"{broken.provenance.topic}/{broken.provenance.partition}/{broken.provenance.offset}"
    why_en, why_zh = _why_broken(broken, place, life.transitions)
    yield _fault(
        f"The chain breaks at transition {broken.number} of {life.case.id}, caused by {where}: {why_en}.",
        f"{life.case.id} 的流转链在第 {broken.number} 条断开（由 {where} 引起）：{why_zh}。",
        broken.task,
    )


def _why_broken(broken: Transition, place: int, transitions: tuple[Transition, ...]) -> tuple[str, str]:
    if broken.number > place + 1:
        return f"number {place + 1} is missing", f"缺少第 {place + 1} 条"
    if broken.number < place + 1:
        return f"it stands in place {place + 1}", f"它处于第 {place + 1} 位"
    if broken.hash != hash_of(broken):
        return "its content is not that of its hash", "内容与其哈希不符"
    if broken.previous == (transitions[place - 1].hash if place else ""):
        if broken.erased:
            return (
                "its words are gone, and no later transition says who had them erased",
                "内容已缺失，而后续流转均未记载由谁删除",
            )
        return "its reason or evidence is not what was said", "原因或证据与原始记录不符"
    before = transitions[place - 1].hash if place else ""
    return (
        f"it follows {broken.previous or 'nothing'}, and the transition before has {before or 'no hash'}",
        f"它接续 {broken.previous or '空'}，而前一条的哈希为 {before or '空'}",
    )


def _end(life: CaseLife) -> Iterator[Sentence]:
    """The case knows how many transitions it has, and the hash of the last."""
    case, found = life.case, len(life.transitions)
    if found != case.transitions:
        yield _fault(
            f"{case.id} has {case.transitions} transitions by its own record, and {found} are on the journal.",
            f"{case.id} 自身记录有 {case.transitions} 条流转，日志中有 {found} 条。",
        )
    elif found and life.transitions[-1].hash != case.chain:
        yield _fault(
            f"The last transition of {case.id} has another hash than the case remembers.",
            f"{case.id} 最后一条流转的哈希与案卷所记不符。",
        )


def _stages(life: CaseLife) -> Iterator[Sentence]:
    """Each task is at the stage to which its last transition led."""
    last = {one.task: one for one in life.transitions}
    for one in life.case.assignments:
        latest, now = last.get(one.task), stage_of(one)
        if latest is None or latest.to == now:  # a task of an earlier release may have none
            continue
        yield _fault(
            f"{one.task} is {STAGES[now].en}, and its last transition led to {STAGES[latest.to].en}.",
            f"{one.task} 为{STAGES[now].zh}，而最后一条流转为{STAGES[latest.to].zh}。",
            one.task,
        )


def _whole(case: Case) -> Sentence:
    number = case.transitions
    if not number:
        return Sentence(
            kind="whole",
            en=f"{case.id} has no transition: no department ever had a task, or an earlier release made them all.",
            zh=f"{case.id} 没有流转记录：从未派遣任务，或均由早期版本产生。",
        )
    count = "1 transition" if number == 1 else f"{number} transitions"
    return Sentence(
        kind="whole",
        en=f"The journal of {case.id} is whole: {count}, each with the hash of the one before, up to {case.chain}.",
        zh=f"{case.id} 的流转日志完整：共 {number} 条，逐条含前一条的哈希，末条 {case.chain}。",
    )
