"""The product on the same path: two services as an operator starts them, one connection between them."""
