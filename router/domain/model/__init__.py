"""Reports, cases, tasks and outcomes: values only. This room imports no other room of the core."""
