"""Where the repository is: tests read the docs, schemas and cities that it ships."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
