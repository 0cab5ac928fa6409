"""LAW: which moves are legal. Tables of wire enums that do not know which side they run on."""
