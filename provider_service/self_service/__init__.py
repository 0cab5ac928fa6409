"""Self-service registration: people ask for access, are matched to contacts and users, approved and provisioned."""
