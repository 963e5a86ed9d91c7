"""The values that everything else speaks of: reports, cases, tasks, outcomes. Ground floor: imports nothing else of the core."""
