"""The rule sets of a worker: read `grid.rule-sets`, publish the first one, load the rules, follow the topic."""
