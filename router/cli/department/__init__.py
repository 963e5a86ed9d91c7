"""`grid-router department`: a department's tasks and answers, for people and scripts. It needs the base packages alone."""
