"""A prepared dataset on disk: records, shards, and how they are read."""
