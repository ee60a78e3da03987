"""What people touch: the command line, the lab, reports."""
