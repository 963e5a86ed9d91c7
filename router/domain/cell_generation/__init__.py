"""Making cells where a city has none: tessellations, divisions, grids of networks."""
