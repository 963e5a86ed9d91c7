"""The embedded Apache Kafka broker, and the plan and apply of topics."""
