"""The public door: HTTP API and pages."""
