"""Keys in force: presets, own changes, the editor that changes them, and a sheet to print."""
