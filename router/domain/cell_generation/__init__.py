"""Makes cells where a city has none: tessellations, synthetic divisions, and synthetic grids of networks."""
