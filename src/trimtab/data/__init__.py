"""From the user's files to verified TFRecord shards: readers, statistics, validation, preprocessing."""
