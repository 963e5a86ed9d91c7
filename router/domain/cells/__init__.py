"""Grid cells (单元网格): the registry, its tables, the spatial index, crosswalk and succession."""
