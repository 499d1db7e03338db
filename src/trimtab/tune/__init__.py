"""Hyper-parameter search with KerasTuner."""
