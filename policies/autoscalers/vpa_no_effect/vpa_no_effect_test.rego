package scaleguard.rules.autoscalers.vpa_no_effect_test

working := {
	"type": "vpa",
	"mode": "Recreate",
	"unquoted": [],
	"ineffective": null,
	"writes": true,
	"unknownPolicies": [],
	"updates": null,
}

document(changes) := {
	"object": {"text": "VerticalPodAutoscaler shop/web"},
	"autoscaler": object.union(working, changes),
}

powerless := {
	"rule": "vpa-no-effect",
	"action": "warn",
	"path": "spec.resourcePolicy.containerPolicies",
	"message": "VerticalPodAutoscaler shop/web writes nothing: its policies control nothing",
	"remedy": "list cpu or memory in controlledResources, or set updateMode: \"Off\"",
}

unquoted(path) := {
	"rule": "vpa-no-effect",
	"action": "warn",
	"path": path,
	"messageContains": [path, "is a boolean, since YAML reads an unquoted Off as false"],
	"fix": "quote",
	"remedy": "quote it (\"Off\"): the API server refuses a boolean",
}

few := {"replicas": 1, "required": 2, "defaulted": true, "scaler": null}

updates(too_few, blocked) := {"updates": {
	"workload": "Deployment web",
	"tooFewReplicas": too_few,
	"blockedByBudgets": blocked,
}}

cases := {
	"warns of a policy for no container": {
		"input": document({"unknownPolicies": [{
			"path": "spec.resourcePolicy.containerPolicies[0].containerName",
			"container": "ap",
			"workload": "Deployment web",
			"names": ["app", "log"],
		}]}),
		"findings": [{
			"path": "spec.resourcePolicy.containerPolicies[0].containerName",
			"containers": ["ap"],
			"messageContains": ["has a policy for container ap, which Deployment web does not have"],
			"remedy": "name one of app, log, or remove the policy",
		}],
	},
	"names the only container there is": {
		"input": document({"unknownPolicies": [{
			"path": "spec.resourcePolicy.containerPolicies[0].containerName",
			"container": "ap",
			"workload": "Deployment web",
			"names": ["app"],
		}]}),
		"findings": [{"remedy": "name container app, or remove the policy"}],
	},
	"warns of fewer replicas than it wants itself": {
		"input": document(updates({"replicas": 2, "required": 3, "defaulted": false, "scaler": null}, null)),
		"findings": [{"remedy": "run 3 replicas, or set spec.updatePolicy.minReplicas: 2"}],
	},
	"warns of too few replicas": {
		"input": document(updates(few, null)),
		"findings": [{
			"path": "spec.updatePolicy.minReplicas",
			"message": concat(" ", [
				"VerticalPodAutoscaler shop/web (mode Recreate) never changes running pods: Deployment web has 1 replica,",
				"and VPA leaves fewer than 2 alone (the updater's default); new requests come only with pods",
				"that are created anyway",
			]),
			"remedy": "set spec.updatePolicy.minReplicas: 1 if the only pod may be replaced, or updateMode: \"Initial\" if not",
		}],
	},
	"warns of a scaler that never brings enough": {
		"input": document(updates({"replicas": 2, "required": 3, "defaulted": false, "scaler": "HPA shop/web"}, null)),
		"findings": [{
			"messageContains": [
				"HPA shop/web allows Deployment web no more than 2 replicas, and VPA leaves fewer than 3 alone",
				"(spec.updatePolicy.minReplicas)",
			],
			"remedy": "let HPA shop/web bring 3 replicas, or set spec.updatePolicy.minReplicas: 2",
		}],
	},
	"warns of a budget that lets none go": {
		"input": document(updates(null, {"budgets": ["web"], "why": "maxUnavailable 0"})),
		"findings": [{
			"path": "spec.updatePolicy.updateMode",
			"message": concat(" ", [
				"VerticalPodAutoscaler shop/web (mode Recreate) evicts pods to change them,",
				"and PodDisruptionBudget web (maxUnavailable 0) lets none of Deployment web go:",
				"new requests come only with pods that are created anyway",
			]),
			"remedy": "let one pod go (maxUnavailable: 1) in PodDisruptionBudget web, or set updateMode: \"Initial\"",
		}],
	},
	"says when a resize in place comes first": {
		"input": document(object.union(
			updates(null, {"budgets": ["a", "b"], "why": ""}),
			{"mode": "InPlaceOrRecreate"},
		)),
		"findings": [{
			"messageContains": [
				"evicts pods to change them where they cannot be resized in place",
				"PodDisruptionBudgets a, b select the same pods of Deployment web, which Kubernetes then evicts for nobody",
			],
			"remedy": "leave one PodDisruptionBudget for them, or set updateMode: \"Initial\"",
		}],
	},
	"one that works is left alone": {
		"input": document({}),
		"findings": [],
	},
	"warns when nothing is controlled": {
		"input": document({"ineffective": "its policies control nothing"}),
		"findings": [powerless],
	},
	"warns of an unquoted Off": {
		"input": document({"unquoted": ["spec.updatePolicy.updateMode"]}),
		"findings": [unquoted("spec.updatePolicy.updateMode")],
	},
	"warns of every unquoted Off": {
		"input": document({"unquoted": [
			"spec.updatePolicy.updateMode",
			"spec.resourcePolicy.containerPolicies[0].mode",
		]}),
		"findings": [
			unquoted("spec.updatePolicy.updateMode"),
			unquoted("spec.resourcePolicy.containerPolicies[0].mode"),
		],
	},
	"warns of both at once": {
		"input": document({
			"ineffective": "its policies control nothing",
			"unquoted": ["spec.resourcePolicy.containerPolicies[0].mode"],
		}),
		"findings": [powerless, unquoted("spec.resourcePolicy.containerPolicies[0].mode")],
	},
	"scalers are other rules' matter": {
		"input": document({"type": "scaler", "ineffective": "x", "unquoted": ["spec"]}),
		"findings": [],
	},
}
