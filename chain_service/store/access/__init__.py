"""Who may do what: API keys and what they used, ends of records that wait for a second holder."""
