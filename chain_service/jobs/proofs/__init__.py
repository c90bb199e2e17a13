"""What is handed out to be verified elsewhere: evidence, receipts, public logs, trust files."""
