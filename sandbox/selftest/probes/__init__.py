"""What the agent's user tries in a box, one file for each kind. Standard library only: it runs in the box.

Every attempt is made so that it does no harm where it succeeds: the self-test's own tests let them succeed.
"""
