"""A page about a run that is watched while it trains."""
