"""Weights in other programs' files; one module a format."""
