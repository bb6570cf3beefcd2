"""How applications call what is served: an API before an endpoint, and the client that they use."""
