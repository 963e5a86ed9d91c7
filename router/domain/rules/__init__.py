"""A city's rules, and the rule sets by the time from which they are effective."""
