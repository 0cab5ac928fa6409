"""What both services stand on: seven chartered rooms, and nothing else (design: architecture.md)."""
