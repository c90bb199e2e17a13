"""From the outbox to the chain: transactions, and what follows when a contract refuses one."""
