"""The published contract: JSON Schemas and AsyncAPI made from the types, and compatibility with the last release."""
