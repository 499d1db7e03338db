"""Small trained models, and a context that trains on them for real."""

from small_models import accuracy, context, digits, kept_back, make_context, models, one_step

__all__ = ["accuracy", "context", "digits", "kept_back", "make_context", "models", "one_step"]
