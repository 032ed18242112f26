"""What is seen of a box from outside it, one file a sensor."""
