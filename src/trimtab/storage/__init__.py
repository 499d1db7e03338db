"""Where bytes live: atomic writes, checksummed artifacts, and stores behind URIs."""
