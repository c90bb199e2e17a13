"""What a document proves: pure; bytes in, findings out."""
