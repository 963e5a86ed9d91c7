"""The life of one input partition: fence, restore, process in transactions, release."""
