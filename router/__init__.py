"""grid-router: merges what many networks report about one street cell and routes each case to its department."""

__version__ = "0.2.0.dev0"
