"""The live screen: what the workers do, polled from their metrics and topics."""
