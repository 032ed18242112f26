"""Model providers: what answers behind the door."""
