"""What is true: pure functions and values; no clock, randomness, file or socket."""
