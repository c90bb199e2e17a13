"""Reading final blocks: what their events change here, and what happens when the chain turns."""
