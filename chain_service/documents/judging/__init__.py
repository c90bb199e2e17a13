"""From the facts of a document to the checks of its signatures."""
