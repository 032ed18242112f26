"""Boxes by the container engine: images, hardening, creation, the pool and the reaper."""
