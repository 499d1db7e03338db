"""What a run tells servers that people follow experiments on."""
