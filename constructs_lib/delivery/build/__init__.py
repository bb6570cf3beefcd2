"""What turns checked manifests into constructs, and refusals of constructs back into problems of manifests."""
