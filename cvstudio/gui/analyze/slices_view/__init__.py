"""The view Slices: parts of the images on which the network does worse, and one's own parts."""
