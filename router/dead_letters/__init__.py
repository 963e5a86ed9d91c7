"""Dead letters as a service: select, repair and redrive them, and log each step. It prints nothing."""
