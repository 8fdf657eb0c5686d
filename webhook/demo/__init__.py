"""The main job end to end on one machine: real reviews over TLS, answered by the real server."""
