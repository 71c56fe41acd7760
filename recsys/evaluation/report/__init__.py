"""An `Evaluation` as an HTML page and as Markdown."""
