"""How things are written and read: units, text formats, files that are whole or not there."""
