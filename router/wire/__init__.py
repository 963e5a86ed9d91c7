"""Names and formats that all shells share: topics, records, metrics, settings, errors. Imports only the domain."""
