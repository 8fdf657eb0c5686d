"""What acts on a workload: HPAs, ScaledObjects, VPAs, read into small records of claims."""
