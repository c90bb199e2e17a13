"""How connections are made for each driver, and what a driver's refusal means."""
