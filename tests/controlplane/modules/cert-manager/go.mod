module scaleguard.io/tests/controlplane/cert-manager

go 1.26.0

// Of its files only the CustomResourceDefinitions of cert-manager.io are used.
require github.com/cert-manager/cert-manager v1.20.0
