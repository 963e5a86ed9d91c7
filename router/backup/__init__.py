"""Backup and restore of a whole deployment: its topics, their configuration, and the offsets of its groups. Docs: docs/how-to/back-up.md."""
