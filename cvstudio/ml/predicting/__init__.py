"""Networks at work on images of anywhere: what is looked at, in which pieces, and the job."""
