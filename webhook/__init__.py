"""Scaleguard: the admission webhook, its controller, its audit and its commands."""
