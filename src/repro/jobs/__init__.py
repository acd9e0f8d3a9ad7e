"""What the DAG's long jobs do, and what they leave behind."""
