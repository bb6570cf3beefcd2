"""The engine Model Monitor: what is synthesized of it."""
