"""Repertoire: nightly recommendations for creative catalogues, on Apache Spark."""

__version__ = "0.1.0"
