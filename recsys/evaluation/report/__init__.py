"""An `Evaluation` as a page in a browser, and as Markdown."""
