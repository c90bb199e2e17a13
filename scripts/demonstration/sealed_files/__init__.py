"""The files that the demonstration's office seals and signs: their face, their seal, and the keys behind both."""
