"""The operator's door: the command `chain-service`."""
