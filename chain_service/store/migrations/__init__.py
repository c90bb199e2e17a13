"""Versions of the schema, oldest first; run by `Database.migrate`."""
