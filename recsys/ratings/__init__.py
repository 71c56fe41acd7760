"""Ratings: from files to an immutable sparse matrix, and what can be done to it before a fit."""
