"""What other servers say."""
