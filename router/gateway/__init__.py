"""The gateway for apps: reports over HTTP, checked as the first stage checks them, and acknowledged when Kafka has them."""
