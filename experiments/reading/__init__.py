"""A run as its readers see it: verified, and read without the secret."""
