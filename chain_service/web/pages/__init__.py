"""The pages for people, and the files they consist of."""
