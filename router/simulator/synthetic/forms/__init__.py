"""Message forms: one file for each network. It writes messages of the source schema in `router/domain/networks` as text."""
