"""The augmentation pipeline: a catalogue as data, and the one renderer of preview and training."""
