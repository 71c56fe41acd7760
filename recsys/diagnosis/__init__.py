"""Diagnosis of fitted models: the health of their numbers, and the signs of trouble."""
