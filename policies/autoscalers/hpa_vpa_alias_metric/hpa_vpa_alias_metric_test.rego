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
	"requestRelative": false,
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
		"input": document({"requestRelative": true}),
		"findings": [{
			"action": "warn",
			"messageContains": ["which reads cpu usage relative to the request, while"],
		}],
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
	"other overlaps are other rules' matter": {
		"input": document({"type": "same-metric"}),
		"findings": [],
	},
	"one that meets nothing is left alone": {
		"input": {"overlaps": []},
		"findings": [],
	},
}
