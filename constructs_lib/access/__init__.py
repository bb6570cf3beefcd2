"""How applications call an endpoint: an API in front of it, and a client."""
