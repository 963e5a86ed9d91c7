"""What every command prints with: tables and JSON, timestamps, text made safe for a terminal."""
