"""What is wrong with a fitted model: the health of its numbers, and the signs that give it away."""
