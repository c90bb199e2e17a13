"""Reading what is stored of records."""
