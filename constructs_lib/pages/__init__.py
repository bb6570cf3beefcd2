"""Pages: reports as one HTML file that runs nothing and asks nobody for anything. It imports nothing of the library."""
