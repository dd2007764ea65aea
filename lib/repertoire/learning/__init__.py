"""Supervised models on tables of features."""
