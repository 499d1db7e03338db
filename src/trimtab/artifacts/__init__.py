"""What stages hand on: one file a kind, with its file names and what is known of it."""
