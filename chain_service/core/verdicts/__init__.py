"""From what is known of a record to its verdict: inputs, checks, codes."""
