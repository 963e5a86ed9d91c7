"""A replay through Kafka: feed, workers, and the ledger that reconciles every id."""
