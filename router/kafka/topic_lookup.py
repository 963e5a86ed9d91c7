"""Finds the topic that a name of the command line stands for."""

from difflib import get_close_matches

from kafka import KafkaConsumer

from router.wire.errors import TopicError
from router.wire.other_topics import elsewhere
from router.wire.security import unseen
from router.wire.topic_names import ROOTS, Names


def find_topic(consumer: KafkaConsumer, text: str, names: Names) -> str:
    """The topic that a name stands for: `events`, `grid.events`, or the full name with its namespace.

    Raises:
        TopicError: there is no such topic. The sentence offers the nearest name.
    """
    existing = sorted(consumer.topics())
    for name in (f"{names.namespace}{text}", f"{names.namespace}grid.{text}", text):
        if name in existing:
            return name
    bare = [name.removeprefix(names.namespace) for name in existing if name.startswith(names.namespace)]
    ours = [name for name in bare if name.startswith(ROOTS)]
    near = get_close_matches(text, ours, n=1)
    if near:
        hint = f"the nearest name is {near[0]}"
    elif ours:
        hint = f"there are {', '.join(ours)}"
    else:
        hint = f"`grid-router topics apply CITY` makes the topics{elsewhere(existing, names.namespace)}"
    raise TopicError(
        f"there is no such topic{unseen(consumer.config.get('sasl_plain_username'))}", where=text, hint=hint
    )
