"""Conditions on items: `genres has 'Comedy' and 1990 <= year < 2000`."""
