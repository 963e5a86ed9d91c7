"""Dead letters are split into chunks of bounded size."""

from router.dead_letters.chunks import CHUNK_BYTES, CHUNK_DEAD_LETTERS, chunks
from tests.support.rejected_records import dead_letter


def test_chunks_are_bounded_and_contain_every_dead_letter() -> None:
    dead_letters = [dead_letter(offset=n, value=b"x" * (1 << 20 if n < 20 else 10)) for n in range(1700)]
    split = list(chunks(dead_letters, lambda _: 0))
    assert [one.offset for chunk in split for one in chunk] == list(range(1700))
    assert max(map(len, split)) <= CHUNK_DEAD_LETTERS
    assert all(sum(len(one.value or b"") for one in chunk) <= CHUNK_BYTES for chunk in split)
    assert len(split) == 3 + 3  # 8 + 8 + 4 MiB with the first small ones, and the rest in chunks of 500


def test_omitted_values_and_large_repairs_count_as_bytes() -> None:
    omitted = [dead_letter(offset=n, value=None, omitted="7000000 bytes, sha256 x") for n in range(3)]
    assert [len(chunk) for chunk in chunks(omitted, lambda _: 0)] == [1, 1, 1]
    assert [len(chunk) for chunk in chunks([dead_letter(offset=n) for n in range(4)], lambda _: 3 << 20)] == [2, 2]
