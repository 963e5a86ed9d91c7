"""A mutant that commits the offsets of feedback before its events, and dies once in between: that feedback is lost."""

from tests.chaos.mutants.early_offset import main

if __name__ == "__main__":
    main("early_feedback")
