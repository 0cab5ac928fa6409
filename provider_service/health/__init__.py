"""The Health Dashboard: what the checks of every slice have found, and what became of it."""
