package scaleguard.rules.autoscalers.hpa_vpa_same_metric_test

settings := {"strictness": "literal", "gkeRightsizing": false, "startupBoost": "warn"}

metric := {
	"path": "spec.metrics[0]",
	"container": null,
	"target": "70%",
	"targetType": "Utilization",
	"defaulted": false,
}

overlap := {
	"id": 0,
	"type": "same-metric",
	"workload": {"text": "Deployment web"},
	"resource": "cpu",
	"containers": ["app", "proxy"],
	"otherThan": [],
	"scaler": {"text": "HorizontalPodAutoscaler shop/web"},
	"vpa": {"text": "VerticalPodAutoscaler shop/web", "mode": "Recreate", "gkeRightsizing": false},
	"metric": metric,
	"boost": false,
	"boostedBy": null,
	"conditions": null,
	"reductions": [],
	"fix": "controlledResources: [memory] for container \"*\"",
}

document(changes, chosen) := {
	"settings": object.union(settings, chosen),
	"overlaps": [object.union(overlap, changes)],
}

measured(changes) := {"metric": object.union(metric, changes)}

average := measured({"target": "500m", "targetType": "AverageValue"})

boost := {"boost": true, "boostedBy": "startupBoost of container \"app\"", "reductions": ["startupBoost"], "fix": null}

sanctioned := {"vpa": object.union(overlap.vpa, {"gkeRightsizing": true})}

cases := {
	"denies and names both, the metric, the containers and the fix": {
		"input": document({}, {}),
		"findings": [{
			"rule": "hpa-vpa-same-metric",
			"action": "deny",
			"overlap": 0,
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web scales Deployment web on cpu",
				"(Utilization 70%, spec.metrics[0])",
				"while VerticalPodAutoscaler shop/web (mode Recreate)",
				"sets the cpu request of containers app, proxy",
			]),
			"remedy": concat(" ", [
				"set controlledResources: [memory] for container \"*\"",
				"in VerticalPodAutoscaler shop/web",
			]),
		}],
	},
	"names the only container": {
		"input": document({"containers": ["app"]}, {}),
		"findings": [{"action": "deny", "messageContains": ["cpu request of container app"]}],
	},
	"means every container where none is known": {
		"input": document({"containers": []}, {}),
		"findings": [{"action": "deny", "messageContains": ["cpu request of every container"]}],
	},
	"means every other container where some are left alone": {
		"input": document({"containers": [], "otherThan": ["app", "proxy"], "reductions": ["it is to come"]}, {}),
		"findings": [{
			"action": "warn",
			"messageContains": ["cpu request of every container other than app or proxy; only a warning: it is to come"],
		}],
	},
	"tells a metric of one container": {
		"input": document(measured({"container": "app"}), {}),
		"findings": [{
			"action": "deny",
			"messageContains": ["on cpu (Utilization 70% of container app, spec.metrics[0]) while"],
		}],
	},
	"tells a metric that nobody wrote": {
		"input": document(measured({"target": "80%", "defaulted": true}), {}),
		"findings": [{
			"action": "deny",
			"messageContains": ["on cpu (Utilization 80% by default, as no metrics are set) while"],
		}],
	},
	"cpu and memory are two findings": {
		"input": {
			"settings": settings,
			"overlaps": [overlap, object.union(overlap, {"id": 1, "resource": "memory"})],
		},
		"findings": [
			{"overlap": 0, "action": "deny", "messageContains": ["on cpu", "the cpu request"]},
			{"overlap": 1, "action": "deny", "messageContains": ["on memory", "the memory request"]},
		],
	},
	"says what to do where nothing can be written": {
		"input": document({"fix": null}, {}),
		"findings": [{
			"action": "deny",
			"remedy": concat(" ", [
				"let VerticalPodAutoscaler shop/web give up cpu:",
				"its spec.resourcePolicy is not as VPA reads it, and was left out",
			]),
		}],
	},
	"warns with the reason when reduced": {
		"input": document({"reductions": ["it has no effect now"]}, {}),
		"findings": [{
			"action": "warn",
			"messageContains": ["containers app, proxy; only a warning: it has no effect now"],
		}],
	},
	"a startup boost warns": {
		"input": document(boost, {}),
		"findings": [{
			"action": "warn",
			"messageContains": [
				"(mode Recreate) raises at start the cpu request of containers app, proxy",
				"only a warning: startupBoost",
			],
			"remedy": "remove startupBoost of container \"app\" from VerticalPodAutoscaler shop/web",
		}],
	},
	"a startup boost is denied when configured": {
		"input": document(boost, {"startupBoost": "deny"}),
		"findings": [{
			"action": "deny",
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web scales Deployment web on cpu",
				"(Utilization 70%, spec.metrics[0])",
				"while VerticalPodAutoscaler shop/web (mode Recreate)",
				"raises at start the cpu request of containers app, proxy",
			]),
		}],
	},
	"a startup boost with another reason still warns": {
		"input": document(
			object.union(boost, {"reductions": ["startupBoost", "inert"]}),
			{"startupBoost": "deny"},
		),
		"findings": [{"action": "warn", "messageContains": ["only a warning: startupBoost; inert"]}],
	},
	"only a boost follows the setting for boosts": {
		"input": document({"reductions": ["inert"]}, {"startupBoost": "deny"}),
		"findings": [{"action": "warn"}],
	},
	"an average value is denied literally": {
		"input": document(average, {}),
		"findings": [{
			"action": "deny",
			"messageContains": ["on cpu (AverageValue 500m, spec.metrics[0]) while"],
		}],
	},
	"an average value warns by feedback, with its condition": {
		"input": document(average, {"strictness": "feedback"}),
		"findings": [{
			"action": "warn",
			"messageContains": [concat(" ", [
				"only a warning: safe only with RequestsOnly, no cpu limit,",
				"and minAllowed of all containers together at or above 500m",
			])],
		}],
	},
	"what the template breaks of the conditions is told": {
		"input": document(
			object.union(average, {"conditions": {
				"unset": ["app", "proxy"],
				"limited": ["app"],
				"least": "300m",
				"enough": false,
			}}),
			{"strictness": "feedback"},
		),
		"findings": [{
			"action": "warn",
			"messageContains": [concat(" ", [
				"together at or above 500m, but now RequestsOnly is not set for containers app, proxy,",
				"and there is a cpu limit on container app, and together they may request as little as 300m",
			])],
		}],
	},
	"conditions that hold are said to": {
		"input": document(
			object.union(average, {"conditions": {"unset": [], "limited": [], "least": "600m", "enough": true}}),
			{"strictness": "feedback"},
		),
		"findings": [{
			"action": "warn",
			"messageContains": ["together at or above 500m: all of that holds now"],
		}],
	},
	"a utilization is denied by feedback too": {
		"input": document({}, {"strictness": "feedback"}),
		"findings": [{"action": "deny"}],
	},
	"GKE shares cpu when switched on": {
		"input": document(sanctioned, {"gkeRightsizing": true}),
		"findings": [],
	},
	"GKE shares nothing that the VPA does not claim": {
		"input": document({}, {"gkeRightsizing": true}),
		"findings": [{"action": "deny"}],
	},
	"GKE never shares memory": {
		"input": document(object.union(sanctioned, {"resource": "memory"}), {"gkeRightsizing": true}),
		"findings": [{"action": "deny", "messageContains": ["on memory"]}],
	},
	"GKE shares nothing by default": {
		"input": document(sanctioned, {}),
		"findings": [{"action": "deny"}],
	},
	"other overlaps are other rules' matter": {
		"input": document({"type": "alias-metric"}, {}),
		"findings": [],
	},
	"one that meets nothing is left alone": {
		"input": {"settings": settings, "overlaps": []},
		"findings": [],
	},
}
