"""Re-ranking: lists that trade a little of their scores for variety. One file for each way."""
