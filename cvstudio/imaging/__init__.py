"""Image files to numpy and back to what a screen can show."""
