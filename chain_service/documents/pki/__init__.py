"""Certificates, their paths and revocation, signed data and timestamps, and the algorithms of all of them."""
