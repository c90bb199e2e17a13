"""What the audit reads of every table, and the journal of what no chain proves."""
