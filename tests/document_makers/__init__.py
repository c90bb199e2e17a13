"""Makes documents, seals and the authorities behind them, whole and broken, for tests; the product makes none."""
