"""RELIABILITY: a message arrives, in order, and counts once. SQLAlchemy only; owns its tables and queries."""
