"""The state of a running cluster: watches, records, live reads. The only importer of kubernetes."""
