"""What makes entries of the content store, each in a process of its own."""
