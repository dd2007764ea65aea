"""Two stages: models propose candidates, and a ranker that learnt from what followed earlier ones puts them in order."""
