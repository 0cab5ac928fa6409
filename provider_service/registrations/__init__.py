"""Registration tasks: the provider's record of bringing one consumer on board (seed; design: onboarding.md)."""
