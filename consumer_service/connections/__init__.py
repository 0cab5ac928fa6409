"""The established link with one peer: what is pinned, what was agreed, and how the link does."""
