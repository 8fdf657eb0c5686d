"""What stands in the way of scaleguard in a cluster: facts are fetched, then judged."""
