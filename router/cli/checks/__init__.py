"""The checks of `doctor`: of this machine, of the cluster, and of a city. Each returns its result, or raises a RouterError with a hint."""
