"""The settings of the kinds of inputs and labels that have some."""
