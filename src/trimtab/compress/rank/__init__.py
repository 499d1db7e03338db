"""Layers in thin parts: what passes through them, how few ranks carry it, and the model of the parts."""
