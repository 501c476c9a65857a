"""HTML pages and SVG charts. Each page is one file without scripts or external resources."""
