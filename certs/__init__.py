"""The certificates that the webhook serves with: made, renewed and inspected."""
