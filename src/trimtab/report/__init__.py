"""What a person reads after a run: result.json, HTML, TensorBoard."""
