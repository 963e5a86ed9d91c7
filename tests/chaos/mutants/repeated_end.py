"""A mutant whose producers have aiokafka's own sender: it sends an EndTxn without an answer again, in the same epoch."""

from router.kafka import transactional_producer
from tests.chaos.labelled_worker import main

if __name__ == "__main__":
    transactional_producer.end_transactions_once = lambda _: None
    main()
