"""What people did with the lists they were served: rates per model, with their statistics."""
