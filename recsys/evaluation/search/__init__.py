"""Hyperparameters chosen on a part of the training ratings, never on a test."""
