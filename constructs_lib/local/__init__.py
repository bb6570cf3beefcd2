"""An embedded AWS on this machine, to deploy to and to call for real."""
