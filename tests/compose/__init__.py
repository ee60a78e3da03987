"""What `make test-compose` needs where no container engine runs and no registry is reached."""
