module scaleguard.io/tests/controlplane/openreports

go 1.26.0

// Of its files only the CustomResourceDefinitions are used.
require github.com/openreports/reports-api v0.2.1
