"""Names and bytes that every shell shares: topics, records, metrics, settings, errors. Imports only the domain."""
