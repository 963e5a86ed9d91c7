"""The state of one partition: its cases, their timers, and the ids of reports."""
