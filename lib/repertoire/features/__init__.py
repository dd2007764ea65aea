"""What the models learn from: events turned into interactions."""
