"""Topics that a deployment finds on its cluster and does not declare: those of other namespaces, and of earlier versions."""

from collections.abc import Collection, Iterable

from router.wire.declared_topics import Topic
from router.wire.errors import TopicError
from router.wire.topic_names import Names

MAX_NAMED = 5
"""Topics or namespaces that a sentence names."""


def elsewhere(existing: Iterable[str], namespace: str) -> str:
    """A hint for a deployment without topics: the namespaces of the cluster that have some. Empty when none has.

    Args:
        existing: names of all topics of the cluster.
        namespace: of the deployment that has none.
    """
    events = Names().events
    ends = {name.removesuffix(events) for name in existing if name.endswith(events)} - {namespace}
    others = sorted(end for end in ends if not end or end.endswith("."))
    if not others:
        return ""
    if others == [""]:
        return ", or unset GRID_ROUTER_NAMESPACE: there are topics without one"
    named = [f"`{other}`" if other else "none" for other in others[:MAX_NAMED]]
    if len(others) > MAX_NAMED:
        named.append(f"{len(others) - MAX_NAMED} more")
    return f", or set GRID_ROUTER_NAMESPACE: there are topics under {', '.join(named)}"


def renamed_topics(existing: Collection[str], topics: Iterable[Topic]) -> TopicError | None:
    """The error that stops a deployment while a topic of an earlier version exists; None when there is none.

    Args:
        existing: names of topics of the cluster.
        topics: as declared now.
    """
    old = [(topic.formerly, topic.name) for topic in topics if topic.formerly in existing]
    if not old:
        return None
    (where, name), *others = old
    more = f" (and {len(others)} more have new names)" if others else ""
    hint = (
        "end the old workers when their lag is 0 and delete the old topics, or set GRID_ROUTER_NAMESPACE to a new "
        "prefix (docs/how-to/upgrade.md)"
    )
    return TopicError(
        f"the topic is now {name}{more}, and this version does not read the old one", where=where, hint=hint
    )
