"""What the engine Model Monitor takes and gives."""
