"""Ratings: read from files and tables, split, and turned into feedback."""
