package scaleguard.rules.autoscalers.duplicate_hpa_test

overlap := {
	"id": 3,
	"type": "duplicate-scaler",
	"workload": {"text": "Deployment web"},
	"scaler": {"text": "HorizontalPodAutoscaler shop/b", "implied": false},
	"other": {
		"text": "ScaledObject shop/a",
		"kind": "ScaledObject",
		"namespace": "shop",
		"name": "a",
		"implied": false,
	},
	"tolerated": false,
	"reductions": [],
}

document(changes) := {"overlaps": [object.union(overlap, changes)]}

sentence := "HorizontalPodAutoscaler shop/b scales Deployment web, and so does ScaledObject shop/a"

cases := {
	"denies and says which to delete": {
		"input": document({}),
		"findings": [{
			"rule": "duplicate-hpa",
			"action": "deny",
			"overlap": 3,
			"message": sentence,
			"remedy": concat(" ", [
				"put all metrics into one of them and delete the other, for instance:",
				"kubectl delete scaledobject -n shop a",
			]),
		}],
	},
	"one that is still to be named cannot be deleted by name": {
		"input": document({"other": {
			"text": "HorizontalPodAutoscaler shop/a-*",
			"kind": "HorizontalPodAutoscaler",
			"namespace": "shop",
			"name": null,
			"implied": false,
		}}),
		"findings": [{
			"action": "deny",
			"messageContains": ["and so does HorizontalPodAutoscaler shop/a-*"],
			"remedy": "put all metrics into one of them and delete the other",
		}],
	},
	"KServe's scaler is switched off, not deleted": {
		"input": document({"other": {
			"text": "InferenceService shop/a",
			"kind": "InferenceService",
			"namespace": "shop",
			"name": "a",
			"implied": true,
		}}),
		"findings": [{
			"action": "deny",
			"remedy": concat(" ", [
				"annotate InferenceService shop/a with serving.kserve.io/autoscalerClass: external,",
				"so that KServe leaves the replicas alone, or delete the other",
			]),
		}],
	},
	"so it is from its own side": {
		"input": document({"scaler": {"text": "InferenceService shop/b", "implied": true}}),
		"findings": [{"remedy": concat(" ", [
			"annotate InferenceService shop/b with serving.kserve.io/autoscalerClass: external,",
			"so that KServe leaves the replicas alone, or delete the other",
		])}],
	},
	"warns with the reason when reduced": {
		"input": document({"reductions": ["generated"]}),
		"findings": [{
			"action": "warn",
			"message": concat("", [sentence, "; only a warning: generated"]),
		}],
	},
	"one that the HPA tolerates is only noted": {
		"input": document({"tolerated": true}),
		"findings": [{"action": "audit", "message": sentence}],
	},
	"one that is tolerated stays noted when reduced": {
		"input": document({"tolerated": true, "reductions": ["generated"]}),
		"findings": [{"action": "audit"}],
	},
	"each of several others is a finding": {
		"input": {"overlaps": [overlap, object.union(overlap, {"id": 4, "reductions": ["generated"]})]},
		"findings": [{"overlap": 3, "action": "deny"}, {"overlap": 4, "action": "warn"}],
	},
	"HPAs of two workloads that share pods are warned of": {
		"input": {"overlaps": [{
			"id": 5,
			"type": "shared-pods",
			"workload": {"text": "Deployment web-canary"},
			"otherWorkload": {"text": "Deployment web"},
			"scaler": {"text": "HorizontalPodAutoscaler shop/canary"},
			"other": {"text": "HorizontalPodAutoscaler shop/web"},
			"selecting": "Deployment web",
			"selected": "Deployment web-canary",
			"selector": "app=web",
		}]},
		"findings": [{
			"rule": "duplicate-hpa",
			"action": "warn",
			"overlap": 5,
			"message": concat(" ", [
				"Deployment web selects the pods of Deployment web-canary as well (app=web),",
				"so HorizontalPodAutoscaler shop/canary and HorizontalPodAutoscaler shop/web",
				"both stop while it has pods (AmbiguousSelector)",
			]),
			"remedy": concat(" ", [
				"give the pods of each a label that the other's have not,",
				"and have its selector ask for it",
				"(a selector cannot be changed: create the workload anew)",
			]),
		}],
	},
	"other overlaps are other rules' matter": {
		"input": document({"type": "duplicate-vpa"}),
		"findings": [],
	},
	"one that meets nothing is left alone": {
		"input": {"overlaps": []},
		"findings": [],
	},
}
