"""Charts and kustomizations among files, rendered by the programs that they are made for."""
