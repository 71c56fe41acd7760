"""Models and their hyperparameters, searched with Optuna on parts of the training ratings."""
