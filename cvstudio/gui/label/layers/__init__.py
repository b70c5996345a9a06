"""What is laid over the image to see it better; never a part of the data."""
