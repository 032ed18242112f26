"""What is kept of a run: identities, ledger, anchors, blobs, and the check of what attempts left."""
