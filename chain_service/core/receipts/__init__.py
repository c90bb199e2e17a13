"""Receipts and trust files, and verifying by these two alone."""
