"""Quality, proof, latency and cost of candidates, through the runtime that will serve them."""
