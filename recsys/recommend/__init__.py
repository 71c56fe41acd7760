"""From factors to answers: ids in, tables out."""
