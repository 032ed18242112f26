"""The box and the one door: everything that touches a container or a model."""
