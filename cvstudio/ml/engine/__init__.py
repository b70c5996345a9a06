"""What trains: the own loop for classify and segment, ultralytics for detect and instance."""
