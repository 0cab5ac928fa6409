"""The provider's instance: registers consumers and exchanges records with them."""
