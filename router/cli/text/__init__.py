"""Output of every command: tables, JSON, timestamps, and text that is safe for a terminal."""
