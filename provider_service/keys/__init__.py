"""The keys of this instance: made, sealed, published, rotated, given up, and diagnosed."""
