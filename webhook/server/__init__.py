"""Admission over HTTPS: the only place that speaks HTTP, and the only importer of its libraries."""
