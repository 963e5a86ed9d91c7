"""How well reports are merged and routed, where the truth is known."""
