"""What tries models out on the past: above candidates and evaluation."""
