"""What a step of each method costs, from the logs of finished runs."""
