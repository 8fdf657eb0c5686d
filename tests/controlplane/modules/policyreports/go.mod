module scaleguard.io/tests/controlplane/policyreports

go 1.26.0

// Of its files only the CustomResourceDefinitions of wgpolicyk8s.io are used.
require github.com/kyverno/kyverno v1.19.1
