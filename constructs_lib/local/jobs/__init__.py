"""The containers of jobs, as processes of this machine."""
