"""Behaviour logs, catalogues and user lists: files in, checked and counted rows in the tables' columns out."""
