"""A made-up shop: a seeded catalogue of works, people with tastes, and the log of what they did."""

from repertoire.demo.generate import GeneratedCatalogue, generate

__all__ = ["GeneratedCatalogue", "generate"]
