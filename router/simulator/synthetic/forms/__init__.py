"""What each network's people fill in: one file a network, its source schema of `router/domain/networks` by way of text."""
