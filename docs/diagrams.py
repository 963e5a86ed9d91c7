"""Diagrams of the lives of tasks, as Mermaid, from the data of the shipped cities."""

from collections.abc import Iterable
from pathlib import Path

from router.domain.catalogue.compile import compile_life
from router.domain.catalogue.model import Work
from router.domain.documents import Source, read_yaml, validate
from router.domain.lifecycle.lives import ENDED, START, Life
from router.domain.model.transition import TaskStage

CITIES = Path(__file__).parents[1] / "deploy" / "cities"


def life_diagram(life: Life) -> str:
    """A state diagram. Feedback that leads from one stage to the same other one shares an arrow."""
    arrows: dict[tuple[TaskStage, TaskStage], list[str]] = {}
    for (stage, kind), after in life.table.items():
        arrows.setdefault((stage, after), []).append(kind)
    ends = sorted({after for _, after in arrows} & ENDED)
    lines = [
        "stateDiagram-v2",
        f"    [*] --> {START}",
        *(f"    {stage} --> {after}: {', '.join(kinds)}" for (stage, after), kinds in arrows.items()),
        *(f"    {stage} --> [*]" for stage in ends),
        *(f"    note right of {stage}: at most {limit}" for stage, limit in life.limits.items()),
    ]
    return "\n".join(["```mermaid", *lines, "```"])


def city_lives() -> Iterable[tuple[str, str, str, list[str], Life]]:
    """City, id and name of each life, the workflows that have it, and the life."""
    for folder in sorted(CITIES.iterdir()):
        work = _work(folder / "catalogue" / "work.yaml")
        for name, node in work.lives.items():
            having = [workflow for workflow, one in work.workflows.items() if one.life == name]
            yield folder.name, name, node.name.en, having, compile_life(name, node)


def _work(path: Path) -> Work:
    document, wrong = read_yaml(Source(path.name, path.read_text(encoding="utf-8")))
    if document is None:
        raise ValueError(str(wrong[0]))
    work, wrong = validate(Work, document)
    if work is None:
        raise ValueError(str(wrong[0]))
    return work
