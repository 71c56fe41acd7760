"""Ratings: read from files and tables, split, and turned into feedback."""

import csv

# For every reader, whichever is imported first: a long field is no reason to refuse a file.
csv.field_size_limit(1 << 30)
