"""``recipes: auto``: which chains to try, how long, and which of them to hand on."""
