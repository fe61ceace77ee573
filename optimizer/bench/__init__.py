"""How fast the kernels and the search are."""
