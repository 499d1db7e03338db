"""The report as one HTML file: what its templates show, prepared, and the templates."""
