"""The operator's door: the command `chain-service`."""

from chain_service.cli.main import main

__all__ = ["main"]
