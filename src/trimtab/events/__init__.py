"""What TensorBoard reads, written without TensorFlow."""
