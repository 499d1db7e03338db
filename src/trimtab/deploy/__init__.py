"""The model repository: promotion, servability check, prediction."""
