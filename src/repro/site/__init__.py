"""What a person opens: the HTML report, the collected and the published folder."""
