"""Findings of the audit as files: for spreadsheets, for a browser, for a cluster."""
