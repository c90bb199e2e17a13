"""The demonstration behind `scripts/demo`: a whole instance at work, every expectation checked and told."""
