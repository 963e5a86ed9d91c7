"""Kafka clients: consumers, the transactional producer, and every private name of aiokafka that they need."""
