"""What is judged, fetched: from the API server, from the Service itself, by dry runs."""
