"""Fitting models on the training part of a split and measuring them on its test part."""
