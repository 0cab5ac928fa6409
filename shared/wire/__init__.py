"""MEANING: what the bytes say. Pydantic and the standard library only; imports nothing of ours."""
