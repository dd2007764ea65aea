"""Maths on DataFrames that several packages share, in leaf modules that import nothing of them."""
