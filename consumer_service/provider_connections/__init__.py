"""Provider connections: the consumer's record of being brought on board by one provider (design: onboarding.md)."""
