"""IDENTITY: who said it. Pure code over cryptography and jose; no I/O and no clock of its own."""
