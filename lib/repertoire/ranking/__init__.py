"""Ranking: from candidates to a list."""
