"""Dead letters as a service: select, repair, redrive, and record each step. Prints nothing."""
