"""One Message Translator (EIP) a reporting network: its source schema and its translation to a report."""
