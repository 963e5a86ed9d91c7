"""Dead letters in chunks of bounded size: one chunk is in memory at a time, and commits in one transaction."""

from collections.abc import Callable, Iterable, Iterator

from router.wire.codec import DeadLetter

CHUNK_DEAD_LETTERS, CHUNK_BYTES = 500, 8 << 20
"""Dead letters and bytes of a chunk at most. A chunk always has at least one dead letter."""


def chunks(dead_letters: Iterable[DeadLetter], repair_bytes: Callable[[str], int]) -> Iterator[list[DeadLetter]]:
    """Split dead letters into chunks. An omitted value counts as a whole chunk, because it may be that large.

    Args:
        dead_letters: in any order.
        repair_bytes: size of the repair record of a dead letter, by its id.
    """
    chunk: list[DeadLetter] = []
    total = 0
    for dead_letter in dead_letters:
        size = CHUNK_BYTES if dead_letter.omitted else max(len(dead_letter.value or b""), repair_bytes(dead_letter.id))
        if chunk and (len(chunk) == CHUNK_DEAD_LETTERS or total + size > CHUNK_BYTES):
            yield chunk
            chunk, total = [], 0
        chunk.append(dead_letter)
        total += size
    if chunk:
        yield chunk
