"""Follow the configuration and the rules while they are used: the last good ones always judge."""
