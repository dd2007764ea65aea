"""Candidate models: each is fitted on interactions and proposes items for users; `registry.py` names them all."""
