"""The containment self-test: what a box promises, tried from inside one and from the host."""
