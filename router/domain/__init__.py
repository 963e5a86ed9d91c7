"""The functional core: values in, values out. Imports no I/O, no clock, no Kafka; decides everything."""
