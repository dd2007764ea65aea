"""What several packages do with DataFrames, in leaf modules that import nothing of them."""
