"""From the user's files to verified TFRecord shards: readers, schema, statistics, validation, preprocessing."""
