"""The view Suspects of the Analyze page: labels that are likely wrong, and what is done."""
