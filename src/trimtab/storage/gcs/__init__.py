"""Google Cloud Storage, through google-cloud-storage only; its import is paid by the first request."""
