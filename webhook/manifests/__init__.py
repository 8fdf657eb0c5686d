"""Kubernetes manifests from disk and stdin, read as kubectl reads them.

`read` gives every object, and beside them what was left out (`Skipped`) and what could not be read
(`Unreadable`). One broken document never costs the rest of its file.
"""

from webhook.manifests.entries import Document, Entry, Part, Skipped, Source, Unreadable
from webhook.manifests.paths import files
from webhook.manifests.reading import read, read_file

__all__ = [
    "Document",
    "Entry",
    "Part",
    "Skipped",
    "Source",
    "Unreadable",
    "files",
    "read",
    "read_file",
]
