"""From rows to tensors: one encoder a kind of input, fitted on the training split."""
