package scaleguard.rules.autoscalers.hpa_missing_request_test

metric := {
	"path": "spec.metrics[0]",
	"resource": "cpu",
	"container": null,
	"target": "70%",
	"targetType": "Utilization",
	"defaulted": false,
	"lacking": [],
	"given": [],
}

gift := {"container": "vllm", "value": "8", "source": "default of scaleguard, for a device"}

scaler := {"type": "scaler", "inert": null, "workload": "Deployment web"}

document(changes, alone) := {
	"object": {"text": "HorizontalPodAutoscaler shop/web"},
	"autoscaler": object.union(
		object.union(scaler, alone),
		{"metrics": [object.union(metric, changes)]},
	),
}

cases := {
	"warns of the container without a request": {
		"input": document({"lacking": ["app"]}, {}),
		"findings": [{
			"rule": "hpa-missing-request",
			"action": "warn",
			"path": "spec.metrics[0]",
			"resourceName": "cpu",
			"containers": ["app"],
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web scales Deployment web on cpu",
				"(Utilization 70%, spec.metrics[0]), a share of the request, and container app has none:",
				"the metric fails, and while one fails nothing is scaled down",
			]),
			"remedy": "set resources.requests.cpu on container app, or scale on an averageValue",
		}],
	},
	"names several containers": {
		"input": document({"lacking": ["app", "proxy"]}, {}),
		"findings": [{
			"action": "warn",
			"messageContains": ["containers app, proxy have none"],
			"remedy": "set resources.requests.cpu on containers app, proxy, or scale on an averageValue",
		}],
	},
	"tells a metric that nobody wrote": {
		"input": document({"lacking": ["app"], "defaulted": true, "target": "80%"}, {}),
		"findings": [{"messageContains": ["on cpu (Utilization 80% by default, as no metrics are set),"]}],
	},
	"tells a metric of one container": {
		"input": document({"lacking": ["app"], "container": "app"}, {}),
		"findings": [{"messageContains": ["(Utilization 70% of container app, spec.metrics[0]),"]}],
	},
	"notes that the denominator is a default": {
		"input": document({"given": [gift]}, {}),
		"findings": [{
			"rule": "hpa-missing-request",
			"action": "audit",
			"path": "spec.metrics[0]",
			"resourceName": "cpu",
			"containers": ["vllm"],
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web scales Deployment web on cpu",
				"(Utilization 70%, spec.metrics[0]), a share of the request,",
				"which is a figure of scaleguard on container vllm: 8",
				"(default of scaleguard, for a device)",
			]),
			"remedy": "set resources.requests.cpu yourself, so that the target is a share of what you mean",
		}],
	},
	"what is missing is more than what is a default": {
		"input": document({"lacking": ["proxy"], "given": [gift]}, {}),
		"findings": [{"action": "warn", "containers": ["proxy"]}],
	},
	"one that has all requests is left alone": {
		"input": document({}, {}),
		"findings": [],
	},
	"what has no effect needs no request": {
		"input": document({"lacking": ["app"]}, {"inert": "minReplicas equals maxReplicas (1)"}),
		"findings": [],
	},
	"VPAs are other rules' matter": {
		"input": document({"lacking": ["app"]}, {"type": "vpa"}),
		"findings": [],
	},
}
