"""Models: a spec fits ratings and returns `Factors`."""
