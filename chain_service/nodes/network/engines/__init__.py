"""The programs that run the nodes: go-ethereum and Besu."""
