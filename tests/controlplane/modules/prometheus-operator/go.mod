module scaleguard.io/tests/controlplane/prometheus-operator

go 1.26.0

// Of its files only the CustomResourceDefinitions are used.
require github.com/prometheus-operator/prometheus-operator v0.85.0
