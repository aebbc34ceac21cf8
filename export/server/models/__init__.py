"""Models: their versions, from discovery to the end, and their signatures."""
