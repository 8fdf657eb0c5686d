package scaleguard.rules.autoscalers.hpa_vpa_alias_metric_test

overlap := {
	"id": 0,
	"type": "alias-metric",
	"workload": {"text": "Deployment web"},
	"resource": "cpu",
	"containers": ["app"],
	"scaler": {"text": "HorizontalPodAutoscaler shop/web"},
	"vpa": {"text": "VerticalPodAutoscaler shop/web", "mode": "Recreate", "target": "Rollout shop/web"},
	"expression": "container_cpu_usage_seconds_total_rate",
	"relativeTo": null,
	"above": false,
	"path": "spec.metrics[0]",
}

document(changes) := {"overlaps": [object.union(overlap, changes)]}

cases := {
	"warns and quotes the metric": {
		"input": document({}),
		"findings": [{
			"rule": "hpa-vpa-alias-metric",
			"action": "warn",
			"overlap": 0,
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web scales Deployment web",
				"on \"container_cpu_usage_seconds_total_rate\" (spec.metrics[0]), which reads cpu usage,",
				"while VerticalPodAutoscaler shop/web (mode Recreate) sets the cpu request of container app",
			]),
			"remedy": concat(" ", [
				"let VerticalPodAutoscaler shop/web leave cpu alone,",
				"or scale on load (requests, queue length) instead",
			]),
		}],
	},
	"a query is quoted as it is written": {
		"input": document({"expression": "sum(x{pod=~\"web-\\\\d+\"})\n/ 2"}),
		"findings": [{"messageContains": ["on \"sum(x{pod=~\"web-\\\\d+\"})\n/ 2\" (spec"]}],
	},
	"says when it is relative to the request": {
		"input": document({"relativeTo": "request"}),
		"findings": [{
			"action": "warn",
			"messageContains": ["which reads cpu usage relative to the request, while"],
		}],
	},
	"says when it is relative to the limit": {
		"input": document({"relativeTo": "limit"}),
		"findings": [{"messageContains": ["which reads cpu usage relative to the limit, while"]}],
	},
	"names all containers that it meets": {
		"input": document({"containers": ["app", "proxy"]}),
		"findings": [{"messageContains": ["sets the cpu request of containers app, proxy"]}],
	},
	"means every container where none is known": {
		"input": document({"containers": []}),
		"findings": [{"messageContains": ["sets the cpu request of every container"]}],
	},
	"tells two names of one workload": {
		"input": document({"expression": null}),
		"findings": [{
			"action": "warn",
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web scales Deployment web, which",
				"VerticalPodAutoscaler shop/web knows as Rollout shop/web",
				"and whose cpu request it sets on container app",
			]),
		}],
	},
	"tells a workload that stands above another": {
		"input": document({
			"expression": null,
			"above": true,
			"workload": {"text": "InferenceSet phi"},
			"vpa": object.union(overlap.vpa, {"target": "Deployment shop/phi-0"}),
		}),
		"findings": [{
			"action": "warn",
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web scales InferenceSet phi on cpu, and with it the pods of",
				"Deployment shop/phi-0, whose cpu request VerticalPodAutoscaler shop/web (mode Recreate)",
				"sets on container app",
			]),
		}],
	},
	"a metric of a workload above is quoted like any other": {
		"input": document({"above": true}),
		"findings": [{"messageContains": ["on \"container_cpu_usage_seconds_total_rate\" (spec"]}],
	},
	"other overlaps are other rules' matter": {
		"input": document({"type": "same-metric"}),
		"findings": [],
	},
	"one that meets nothing is left alone": {
		"input": {"overlaps": []},
		"findings": [],
	},
}
