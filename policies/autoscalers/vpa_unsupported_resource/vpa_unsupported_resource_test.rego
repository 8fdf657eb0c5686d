package scaleguard.rules.autoscalers.vpa_unsupported_resource_test

named := {
	"path": "spec.resourcePolicy.containerPolicies[0].maxAllowed",
	"field": "maxAllowed",
	"container": "*",
	"resource": "nvidia.com/gpu",
}

document(listed, type) := {
	"object": {"text": "VerticalPodAutoscaler shop/web"},
	"autoscaler": {"type": type, "unsupported": listed},
}

cases := {
	"warns of a GPU in a bound": {
		"input": document([named], "vpa"),
		"findings": [{
			"rule": "vpa-unsupported-resource",
			"action": "warn",
			"path": "spec.resourcePolicy.containerPolicies[0].maxAllowed",
			"resourceName": "nvidia.com/gpu",
			"containers": [],
			"message": concat(" ", [
				"VerticalPodAutoscaler shop/web names nvidia.com/gpu in maxAllowed of container \"*\",",
				"where it does nothing: VPA knows cpu and memory only",
			]),
			"remedy": concat(" ", [
				"remove nvidia.com/gpu there; how much of it a pod gets is said in its own resources,",
				"and how many pods there are by an HPA",
			]),
		}],
	},
	"names the container": {
		"input": document([object.union(named, {"container": "app"})], "vpa"),
		"findings": [{"containers": ["app"], "messageContains": ["of container \"app\""]}],
	},
	"each place is a finding": {
		"input": document([named, object.union(named, {"field": "minAllowed", "path": "x"})], "vpa"),
		"findings": [
			{"messageContains": ["in maxAllowed"]},
			{"path": "x", "messageContains": ["in minAllowed"]},
		],
	},
	"one that names none is left alone": {
		"input": document([], "vpa"),
		"findings": [],
	},
	"scalers are other rules' matter": {
		"input": document([named], "scaler"),
		"findings": [],
	},
}
