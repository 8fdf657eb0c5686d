"""The audit: what was refused and why goes from a spool to a store, and is read there."""
