"""What every HTTPS server of ours is made of. The only importer of gunicorn."""
