"""The identity directory that self-service registration provisions people into: this instance's own, or another."""
