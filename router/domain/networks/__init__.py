"""One file for each reporting network: its source schema and its Message Translator (EIP)."""
