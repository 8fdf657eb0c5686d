"""The store of the audit, in SQLite or PostgreSQL. The only importer of sqlalchemy and alembic."""
