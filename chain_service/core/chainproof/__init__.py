"""What headers and trie nodes prove of a chain, once its validators are trusted."""
