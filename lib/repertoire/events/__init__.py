"""Logs (events, reviews, impressions), catalogues and user lists: files in, checked rows in the tables' columns out."""
