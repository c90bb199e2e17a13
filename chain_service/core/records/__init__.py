"""Records: their members, identifiers and states, how they are hashed and what a holder discloses."""
