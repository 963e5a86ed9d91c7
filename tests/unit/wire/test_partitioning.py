"""Cell codes and the partitions that follow from them: what holds for every code, and for what only looks like one."""

from collections import Counter
from unicodedata import digit

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from router.domain.cells.registry import STREET, cell_code, street
from router.wire.partitioning import partition_for_cell, partition_for_key

DIGITS = "0123456789"
CODES = st.text(DIGITS, min_size=15, max_size=15)
OLD_CODES = st.text(DIGITS, min_size=14, max_size=14)
LOOKALIKES = st.sampled_from("０１２９٠١٩۰۹०९𝟎𝟗²①Ⅷ〇一")
"""Full-width, Arabic, Devanagari, mathematical, superscript, circled and Roman digits, Chinese numbers."""
PARTITIONS = st.integers(1, 1024)


@settings(max_examples=200)
@given(code=CODES)
def test_fifteen_digits_are_their_own_code(code: str) -> None:
    assert cell_code(code) == code


@settings(max_examples=200)
@given(code=OLD_CODES)
def test_fourteen_digits_get_a_zero_before_their_sequence(code: str) -> None:
    """CJ/T 213-2005 had two digits of sequence, GB/T 30428.1 has three."""
    new = cell_code(code)
    assert new is not None
    assert (new[:12], new[12], new[13:]) == (code[:12], "0", code[12:])
    assert street(new) == street(code)


@settings(max_examples=200)
@given(text=st.text(DIGITS, max_size=20))
def test_any_other_number_of_digits_is_no_code(text: str) -> None:
    assume(len(text) not in {14, 15})
    assert cell_code(text) is None


@settings(max_examples=200)
@given(code=CODES | OLD_CODES, strange=LOOKALIKES, place=st.integers(0, 14))
def test_a_digit_of_another_script_is_no_digit(code: str, strange: str, place: int) -> None:
    """int() takes many of them, and so does `\\d`."""
    text = code[:place] + strange + code[place + 1 :]
    assert digit(strange, 0) in range(10)
    assert cell_code(text) is None


@settings(max_examples=200)
@given(code=CODES | OLD_CODES, where=st.integers(0, 15), strange=st.sampled_from("\n\r\t \0-+_.,\u2028\ufeff\u200b"))
def test_nothing_is_trimmed_and_a_newline_at_the_end_counts(code: str, where: int, strange: str) -> None:
    """`$` matches before a newline at the end; a code with one would be the key of a street of its own."""
    for text in (code[:where] + strange + code[where:], code[: where - 1] + strange + code[where:]):
        assert cell_code(text) is None


@settings(max_examples=200)
@given(text=st.text(st.characters(), max_size=20))
def test_every_accepted_code_is_fifteen_ascii_digits(text: str) -> None:
    code = cell_code(text)
    assert code is None or (len(code) == 15 and set(code) <= set(DIGITS))


@settings(max_examples=300)
@given(code=CODES, rest=st.text(DIGITS, min_size=6, max_size=6), partitions=PARTITIONS)
def test_the_street_alone_decides_the_partition(code: str, rest: str, partitions: int) -> None:
    partition = partition_for_cell(code.encode(), partitions)
    assert partition in range(partitions)
    assert partition_for_cell((code[:STREET] + rest).encode(), partitions) == partition
    assert partition_for_key(code[:STREET].encode(), partitions) == partition


@settings(max_examples=200)
@given(key=st.binary(max_size=40), partitions=PARTITIONS)
def test_keys_have_the_partition_that_another_client_chooses(key: bytes, partitions: int) -> None:
    """kafka-python has an implementation of its own; Kafka's Java clients agree with it."""
    assert partition_for_key(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


@settings(max_examples=20)
@given(county=st.integers(110101, 659009), partitions=st.integers(2, 32))
def test_the_streets_of_a_city_spread_over_the_partitions(county: int, partitions: int) -> None:
    """Ten counties of 200 streets each: no partition has twice its share (binomial, beyond six sigma), none has nothing."""
    streets = [f"{county + n // 200}{n % 200 + 1:03d}" for n in range(2000)]
    found = Counter(partition_for_cell(f"{one}001001".encode(), partitions) for one in streets)
    share = len(streets) / partitions
    assert set(found) == set(range(partitions))
    assert max(found.values()) <= max(2 * share, share + 6 * share**0.5)
