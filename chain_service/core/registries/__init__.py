"""What the registries on chain hold: seals, catalogs, permits, and their histories."""
