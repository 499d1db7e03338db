"""What the rows of a source hold: mergeable summaries of columns, and what the columns mean."""
