"""How long a test waits for what should come by itself. Nothing is measured by it: a machine may be slow, or busy."""

PATIENCE_SECONDS = 150
PATIENCE_MS = PATIENCE_SECONDS * 1000
