"""What TensorBoard shows of a whole run: one file a concept."""
