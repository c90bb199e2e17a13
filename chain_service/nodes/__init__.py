"""Which chain runs beneath the service."""
