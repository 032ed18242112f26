"""A world with an office: a quota, a board that other episodes read, a store, and notices of shutdown."""
