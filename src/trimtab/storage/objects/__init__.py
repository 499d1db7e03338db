"""Buckets of objects, whoever keeps them: what trimtab needs of a store, and all that is built upon it."""
