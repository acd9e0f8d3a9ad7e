"""Training: the loop (``loop``), and what begins, saves, resumes and records a run; nothing of any method."""
