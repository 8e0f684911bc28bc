"""What the agent tells: samples, the status report, metrics."""
