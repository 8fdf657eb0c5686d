"""The controller: keeps the VPA of every AI workload as `core/vpa_plan` wants it."""
