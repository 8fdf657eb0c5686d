"""The VPA that complements the scalers of an AI workload, or why there is none."""
