"""Models that are trained as runtimes will compute them in 8 bits."""
