"""`scaleguard audit` over HTTPS: who may delivers records, and who may reads them."""
