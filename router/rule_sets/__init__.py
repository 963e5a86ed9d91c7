"""The published rule sets of a deployment: read `grid.rule-sets`, publish the first one, load the rules, follow the topic."""
