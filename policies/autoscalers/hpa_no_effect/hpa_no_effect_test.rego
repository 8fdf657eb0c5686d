package scaleguard.rules.autoscalers.hpa_no_effect_test

working := {
	"type": "scaler",
	"active": true,
	"inert": null,
	"inertPath": null,
	"restsAt": null,
}

inert := {"inert": "minReplicas equals maxReplicas (3)", "inertPath": "spec.maxReplicas"}

resting := {"restsAt": "Deployment web"}

document(changes) := {
	"object": {"text": "HorizontalPodAutoscaler shop/web"},
	"autoscaler": object.union(working, changes),
}

cases := {
	"warns with the reason and its path": {
		"input": document(inert),
		"findings": [{
			"rule": "hpa-no-effect",
			"action": "warn",
			"path": "spec.maxReplicas",
			"message": "HorizontalPodAutoscaler shop/web never changes the replicas: minReplicas equals maxReplicas (3)",
			"remedy": "widen the bounds or enable a direction, or delete it",
		}],
	},
	"warns when the workload has no replicas": {
		"input": document(resting),
		"findings": [{
			"rule": "hpa-no-effect",
			"action": "warn",
			"path": "spec.scaleTargetRef",
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web rests: Deployment web has 0 replicas,",
				"and an HPA does not start it again",
			]),
			"remedy": "scale the workload up to let it act",
		}],
	},
	"one that works is left alone": {
		"input": document({}),
		"findings": [],
	},
	"one that is paused is left alone": {
		"input": document(object.union(inert, {"active": false})),
		"findings": [],
	},
	"one that is paused may rest": {
		"input": document(object.union(resting, {"active": false})),
		"findings": [],
	},
	"VPAs are other rules' matter": {
		"input": document(object.union(inert, {"type": "vpa"})),
		"findings": [],
	},
	"what rests is no VPA": {
		"input": document(object.union(resting, {"type": "vpa"})),
		"findings": [],
	},
}
