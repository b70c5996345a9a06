"""The Data page: bring images in, choose among them, know what they hold, divide them."""
