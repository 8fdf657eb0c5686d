"""The pure core: Kubernetes objects in, judgements and patches out. No I/O, clock or framework."""
