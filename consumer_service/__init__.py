"""The consumer's instance: connects to providers and exchanges records with them."""
