package scaleguard.rules.autoscalers.hpa_invalid_metric_test

metric := {
	"path": "spec.metrics[0]",
	"resource": "cpu",
	"container": null,
	"served": true,
	"known": true,
	"names": ["app", "proxy"],
}

document(changes, type) := {
	"object": {"text": "HorizontalPodAutoscaler shop/web"},
	"autoscaler": {
		"type": type,
		"workload": "Deployment web",
		"metrics": [object.union(metric, changes)],
	},
}

gpu := {"resource": "nvidia.com/gpu", "served": false}

cases := {
	"warns of what no metrics server serves": {
		"input": document(gpu, "scaler"),
		"findings": [{
			"rule": "hpa-invalid-metric",
			"action": "warn",
			"path": "spec.metrics[0]",
			"resourceName": "nvidia.com/gpu",
			"containers": [],
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web scales Deployment web on nvidia.com/gpu",
				"(spec.metrics[0]), which no metrics server serves:",
				"metrics.k8s.io has cpu and memory only",
			]),
		}],
	},
	"names its container": {
		"input": document(object.union(gpu, {"container": "app"}), "scaler"),
		"findings": [{"containers": ["app"]}],
	},
	"says it once where the container is unknown too": {
		"input": document(object.union(gpu, {"container": "ap", "known": false}), "scaler"),
		"findings": [{"messageContains": ["which no metrics server serves"]}],
	},
	"warns of a container that is not there": {
		"input": document({"container": "ap", "known": false}, "scaler"),
		"findings": [{
			"rule": "hpa-invalid-metric",
			"action": "warn",
			"path": "spec.metrics[0]",
			"resourceName": "cpu",
			"containers": ["ap"],
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web scales Deployment web on cpu of container ap",
				"(spec.metrics[0]), which is none of those that keep running in its pods: app, proxy",
			]),
			"remedy": "name a container that runs in the pods; one that is injected into them is not known here",
		}],
	},
	"one that there is is left alone": {
		"input": document({"container": "app"}, "scaler"),
		"findings": [],
	},
	"VPAs are other rules' matter": {
		"input": document(gpu, "vpa"),
		"findings": [],
	},
}
