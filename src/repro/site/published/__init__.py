"""What is published under ``results/published``: an index in Markdown and a site."""
