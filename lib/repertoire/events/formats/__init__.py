"""Public data sets that are read by name: one module for each, and the registry of them."""
