"""What every route shares: bodies, answers, problems, keys, headers, log lines; and the server."""
