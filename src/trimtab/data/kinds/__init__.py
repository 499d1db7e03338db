"""Kinds of input: what each offers, and which one the columns of a source are."""
