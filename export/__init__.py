"""A trained network for other programs: written, served and asked."""
