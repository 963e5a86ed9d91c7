"""The observer finds transactions of which a reader sees a part."""

from tests.chaos.labelled_worker import LABEL
from tests.chaos.observer import Transactions


def seen(*records: tuple[float, bytes]) -> Transactions:
    """Records with these labels, read at these seconds."""
    transactions = Transactions()
    for at, label in records:
        transactions.add([(LABEL, label), ("ce_id", b"1")], at)
    return transactions


def test_a_transaction_is_whole_when_all_its_records_were_seen() -> None:
    transactions = seen((0, b"a/2"), (1, b"b/1"), (2, b"a/2"))
    assert (transactions.whole, transactions.partial(100)) == (2, [])


def test_a_part_of_a_transaction_is_named_with_its_size() -> None:
    assert seen((0, b"a/3"), (1, b"a/3")).partial(100) == ["2 of a/3"]


def test_a_part_is_no_finding_while_the_rest_may_still_come() -> None:
    transactions = seen((0, b"a/2"), (30, b"b/2"))
    assert transactions.partial(20) == ["1 of a/2"]


def test_records_without_a_label_do_not_count() -> None:
    transactions = Transactions()
    transactions.add([("ce_id", b"1")], 0)
    assert (transactions.whole, transactions.partial(100)) == (0, [])
