"""What we do: anchor, verify, trace; dispatch, index, audit."""
