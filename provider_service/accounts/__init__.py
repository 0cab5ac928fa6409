"""Companies we provide for, and their people."""
