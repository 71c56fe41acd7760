"""The gate: whether a candidate may replace the model in service."""
