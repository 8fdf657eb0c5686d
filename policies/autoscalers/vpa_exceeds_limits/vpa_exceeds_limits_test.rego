package scaleguard.rules.autoscalers.vpa_exceeds_limits_test

limit_range := {"kind": "LimitRange", "name": "limits", "per": "container", "most": "4"}

pod_range := {"kind": "LimitRange", "name": "limits", "per": "pod", "most": "4"}

quota := {"kind": "ResourceQuota", "name": "team", "per": "all", "most": "4"}

node := {"kind": "Node", "name": "big-1", "per": "pod", "most": "4"}

met := {
	"id": 0,
	"type": "vpa-limit",
	"resource": "cpu",
	"field": "maxAllowed",
	"asked": "8",
	"of": "requests",
	"capped": false,
	"over": "4",
	"setTo": "4",
}

app := [{"container": "app", "value": "8"}]

document(changes, values, limit) := {
	"object": {"text": "VerticalPodAutoscaler shop/web"},
	"autoscaler": {"type": "vpa", "minAboveMax": []},
	"overlaps": [object.union(object.union(met, changes), {
		"values": values,
		"limit": limit,
		"vpa": {"text": "VerticalPodAutoscaler shop/web", "mode": "Recreate"},
	})],
}

above := {
	"path": "spec.resourcePolicy.containerPolicies[0].maxAllowed",
	"container": "app",
	"resource": "cpu",
	"least": "6",
	"most": "5",
}

inverted(container, type) := {
	"object": {"text": "VerticalPodAutoscaler shop/web"},
	"autoscaler": {"type": type, "minAboveMax": [object.union(above, {"container": container})]},
	"overlaps": [],
}

cases := {
	"VPA caps maxAllowed at a LimitRange": {
		"input": document({"capped": true}, app, limit_range),
		"findings": [{
			"rule": "vpa-exceeds-limits",
			"overlap": 0,
			"action": "warn",
			"message": concat(" ", [
				"VerticalPodAutoscaler shop/web (mode Recreate) sets maxAllowed cpu 8 for container app,",
				"beyond the 4 that LimitRange limits allows a container:",
				"VPA itself keeps requests and limits within the LimitRange, so it never writes that much",
			]),
			"remedy": "set maxAllowed cpu to 4 or less, or raise max in LimitRange limits",
		}],
	},
	"minAllowed is written, with the limit that follows": {
		"input": document({"field": "minAllowed", "asked": "16", "of": "limits"}, app, limit_range),
		"findings": [{"messageContains": [
			"sets minAllowed cpu 8 for container app, with which its limit becomes 16, beyond the 4 that LimitRange limits allows a container",
			"VPA raises to minAllowed whatever a LimitRange says, and then the pods are refused",
		]}],
	},
	"several containers are named": {
		"input": document(
			{"setTo": null, "capped": true},
			[{"container": "app", "value": "8"}, {"container": "*", "value": "6"}],
			limit_range,
		),
		"findings": [{
			"messageContains": ["maxAllowed cpu 8 for container app and 6 for container \"*\""],
			"remedy": "lower maxAllowed cpu of these containers until they keep to it, or raise max in LimitRange limits",
		}],
	},
	"requests beyond the maximum of a pod": {
		"input": document({}, app, pod_range),
		"findings": [{"messageContains": [
			"with which one pod may have requests of 8 in all, beyond the 4 that LimitRange limits allows a pod",
			"VPA keeps only limits within it, and pods are refused once their requests are recommended that high",
		]}],
	},
	"maxAllowed beyond a quota": {
		"input": document({"setTo": null}, app, quota),
		"findings": [{
			"messageContains": [
				"beyond the 4 that ResourceQuota team allows all pods together",
				"VPA looks at no quota, and then the pods are refused once that much is recommended",
			],
			"remedy": "lower maxAllowed cpu of these containers by 4 together, or have ResourceQuota team raised",
		}],
	},
	"minAllowed beyond every node": {
		"input": document({"field": "minAllowed"}, app, node),
		"findings": [{
			"messageContains": [
				"with which one pod has requests of 8 in all, beyond the 4 of big-1, the largest known node that takes it",
				"VPA looks at no node, and then the pods stay Pending as soon as it changes them",
			],
			"remedy": "set minAllowed cpu to 4 or less, or if a larger node takes it, write its shape into nodeShapes",
		}],
	},
	"minAllowed above maxAllowed": {
		"input": inverted("app", "vpa"),
		"findings": [{
			"path": "spec.resourcePolicy.containerPolicies[0].maxAllowed",
			"resourceName": "cpu",
			"containers": ["app"],
			"message": concat(" ", [
				"VerticalPodAutoscaler shop/web sets minAllowed cpu 6 for container app, more than its maxAllowed 5:",
				"VPA's webhook refuses that, and without it maxAllowed is what counts",
			]),
			"remedy": "raise maxAllowed cpu to 6 or more, or lower minAllowed",
		}],
	},
	"a policy for all containers names none": {
		"input": inverted("*", "vpa"),
		"findings": [{"containers": [], "messageContains": ["for container \"*\", more than"]}],
	},
	"scalers are other rules' matter": {
		"input": inverted("app", "scaler"),
		"findings": [],
	},
	"other overlaps are other rules' matter": {
		"input": document({"type": "same-metric"}, app, quota),
		"findings": [],
	},
}
