package scaleguard.rules.autoscalers.vpa_wrong_target_test

target := {"text": "Deployment web", "group": "core", "scalable": true, "missing": false, "owner": null}

document(changes, type) := {
	"object": {"text": "VerticalPodAutoscaler shop/web"},
	"autoscaler": {"type": type, "target": object.union(target, changes)},
}

cases := {
	"names the topmost owner": {
		"input": document({"text": "ReplicaSet web-5d", "owner": "Deployment web"}, "vpa"),
		"findings": [{
			"rule": "vpa-wrong-target",
			"action": "warn",
			"path": "spec.targetRef",
			"message": concat(" ", [
				"VerticalPodAutoscaler shop/web targets ReplicaSet web-5d, which Deployment web owns:",
				"the VPA writes nothing",
			]),
			"remedy": "target Deployment web",
		}],
	},
	"warns of a kind without /scale": {
		"input": document({"text": "Pod web-0", "scalable": false, "missing": true}, "vpa"),
		"findings": [{
			"message": "VerticalPodAutoscaler shop/web targets Pod web-0, a kind of group core without /scale: VPA does not find its pods",
		}],
	},
	"warns of what is not there": {
		"input": document({"missing": true}, "vpa"),
		"findings": [{
			"message": "VerticalPodAutoscaler shop/web targets Deployment web, which is not there",
			"remedy": "correct kind and name of the target, or delete the VPA",
		}],
	},
	"one that is right is left alone": {
		"input": document({}, "vpa"),
		"findings": [],
	},
	"one without a target is refused elsewhere": {
		"input": {"object": {"text": "x"}, "autoscaler": {"type": "vpa", "target": null}},
		"findings": [],
	},
	"scalers are other rules' matter": {
		"input": document({"missing": true}, "scaler"),
		"findings": [],
	},
}
