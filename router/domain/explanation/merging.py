"""Why the reports of a case are in it."""

from collections.abc import Iterator

from router.domain.explanation.case_life import Sentence
from router.domain.explanation.wording import CLOSINGS, JOINED, Bilingual, Wording
from router.domain.model.case import Case, CaseReport


def explain_merging(case: Case, wording: Wording) -> Iterator[Sentence]:
    """A sentence for each report of the case, for each that left it, and for each case that it may be the same as."""
    for one in case.reports:
        yield _joined(one, wording)
    for left in case.departed:
        when = wording.time(left.at)
        yield Sentence(
            kind="departed",
            en=f"{left.report} left the case on {when} for {left.case}: {left.reason}.",
            zh=f"{left.report} 于 {when} 移出本案，转入 {left.case}：{left.reason}。",
            at=left.at,
        )
    for other in case.suggestions:
        yield Sentence(
            kind="suggested",
            en=f"It was not merged with {other.case}, whose score {other.score:.2f} is below the threshold: {other.reason}.",
            zh=f"未与 {other.case} 合并，评分 {other.score:.2f} 低于阈值：{other.reason}。",
        )


def _joined(one: CaseReport, wording: Wording) -> Sentence:
    """Why a report is in its case, with what the decision saw."""
    why, seen, when = JOINED[one.joined], _seen(one), wording.time(one.received_at)
    matter = wording.matter(one.matter)
    closed = CLOSINGS[one.closed] if one.closed is not None else None
    en = f"{one.id}, received on {when}, {why.en}{seen.en}; it says {matter.en} in cell {one.cell}"
    zh = f"{one.id}（{when} 收到）{why.zh}{seen.zh}；事项 {matter.zh}，网格 {one.cell}"
    if one.version > 1:
        en, zh = f"{en}, by its version {one.version}", f"{zh}，以第 {one.version} 版为准"
    if one.former is not None:
        en, zh = f"{en}; it left {one.former} before", f"{zh}；此前移出 {one.former}"
    if closed is not None:
        en, zh = f"{en}; its network says {closed.en}", f"{zh}；来源网络称{closed.zh}"
    return Sentence(kind="joined", en=f"{en}.", zh=f"{zh}。", at=one.received_at)


def _seen(one: CaseReport) -> Bilingual:
    """Score, distance and time gap, as far as the decision had them."""
    parts: list[Bilingual] = []
    if one.score is not None:
        parts.append(Bilingual(f"score {one.score:.2f}", f"评分 {one.score:.2f}"))
    if one.distance_m is not None:
        parts.append(Bilingual(f"{one.distance_m:.0f} m away", f"相距 {one.distance_m:.0f} 米"))
    if one.apart_s is not None:
        parts.append(Bilingual(f"{one.apart_s / 3600:.1f} h apart", f"相隔 {one.apart_s / 3600:.1f} 小时"))
    if not parts:
        return Bilingual("", "")
    return Bilingual(f" ({', '.join(part.en for part in parts)})", f"（{'，'.join(part.zh for part in parts)}）")
