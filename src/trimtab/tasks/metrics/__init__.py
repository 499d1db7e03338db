"""Metrics: what can be limited and proven of a model's answers, one file a kind.

``registry.METRICS`` names them; ``base`` says what each declares. ``formulas`` are what several need.
"""
