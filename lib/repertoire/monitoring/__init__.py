"""What others watch the job by."""
