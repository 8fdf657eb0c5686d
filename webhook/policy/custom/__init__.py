"""The rules of users, judged in a process of their own: it may run away, crash or be killed."""
