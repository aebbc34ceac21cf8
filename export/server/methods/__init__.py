"""The methods predict, classify and regress: from JSON to JSON."""
