"""Diagrams of the lifecycles of tasks, as Mermaid, from the data of the shipped cities."""

from collections.abc import Iterable
from pathlib import Path

from router.domain.catalogue.compile import compile_lifecycle
from router.domain.catalogue.model import Work
from router.domain.documents import Source, read_yaml, validate
from router.domain.lifecycle.lifecycles import ENDED, Lifecycle
from router.domain.model.transition import TaskStage

CITIES = Path(__file__).parents[1] / "deploy" / "cities"


def lifecycle_diagram(lifecycle: Lifecycle) -> str:
    """A state diagram. Feedback that leads from one stage to the same other one shares an arrow."""
    arrows: dict[tuple[TaskStage, TaskStage], list[str]] = {}
    for (stage, kind), after in lifecycle.table.items():
        arrows.setdefault((stage, after), []).append(kind)
    ends = sorted({after for _, after in arrows} & ENDED)
    lines = [
        "stateDiagram-v2",
        f"    [*] --> {lifecycle.begin}",
        *(f"    {stage} --> {after}: {', '.join(kinds)}" for (stage, after), kinds in arrows.items()),
        *(f"    {stage} --> [*]" for stage in ends),
        *(f"    note right of {stage}: at most {limit}" for stage, limit in lifecycle.limits.items()),
    ]
    return "\n".join(["```mermaid", *lines, "```"])


def city_lifecycles() -> Iterable[tuple[str, str, str, list[str], Lifecycle]]:
    """City, id and name of each lifecycle, the workflows that have it, and the lifecycle."""
    for folder in sorted(CITIES.iterdir()):
        work = _work(folder / "catalogue" / "work.yaml")
        for name, node in work.lifecycles.items():
            having = [workflow for workflow, one in work.workflows.items() if one.lifecycle == name]
            yield folder.name, name, node.name.en, having, compile_lifecycle(name, node)


def _work(path: Path) -> Work:
    document, wrong = read_yaml(Source(path.name, path.read_text(encoding="utf-8")))
    if document is None:
        raise ValueError(str(wrong[0]))
    work, wrong = validate(Work, document)
    if work is None:
        raise ValueError(str(wrong[0]))
    return work
