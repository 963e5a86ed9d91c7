"""Apache Kafka itself: the embedded broker, and the plan and apply of topics."""
