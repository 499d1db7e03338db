"""What a raw value means: text, number, token, missing; and hashes of rows by what they hold."""
