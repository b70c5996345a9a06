"""The Predict page: a network at work on images of anywhere."""
