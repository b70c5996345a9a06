"""CVStudio: label, train, understand, export."""
