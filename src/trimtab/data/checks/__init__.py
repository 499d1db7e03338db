"""What refuses or warns before anything is trained: validation, leaks."""
