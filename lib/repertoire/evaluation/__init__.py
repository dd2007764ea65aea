"""How good lists are: what to hold back, what to measure on it, and how far to trust the figure."""
