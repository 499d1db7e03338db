"""What a retraining knows of the data before: the champion's reference, what changed since, drift."""
