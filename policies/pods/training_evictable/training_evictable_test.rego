package scaleguard.rules.pods.training_evictable_test

document(evictable, overlaps) := {
	"object": {"text": "Job ml/train"},
	"pod": {"text": "the pods of Job ml/train", "path": "spec.template", "why": "accelerators in a Job", "guessed": true, "evictable": evictable},
	"overlaps": overlaps,
}

vpa := {
	"id": 0,
	"type": "evicting-vpa",
	"vpa": {"text": "VerticalPodAutoscaler ml/train", "mode": "Recreate"},
}

cases := {
	"warns of both node autoscalers at once": {
		"input": document(["the Cluster Autoscaler", "Karpenter"], []),
		"findings": [{
			"rule": "training-evictable",
			"action": "warn",
			"path": "spec.template",
			"message": concat(" ", [
				"the Cluster Autoscaler and Karpenter may evict the pods of Job ml/train",
				"in the middle of a run (class training: accelerators in a Job)",
			]),
			"remedy": concat(" ", [
				"annotate the pod template scaleguard.io/class: training, and scaleguard protects its pods;",
				"or cluster-autoscaler.kubernetes.io/safe-to-evict: \"true\" if they may be moved",
			]),
		}],
	},
	"a run whose protection is switched off has another remedy": {
		"input": {
			"object": {"text": "PyTorchJob ml/train"},
			"pod": {
				"text": "the pods of PyTorchJob ml/train",
				"path": "spec.template", "why": "owner PyTorchJob", "guessed": false,
				"evictable": ["Karpenter"],
			},
			"overlaps": [],
		},
		"findings": [{"remedy": concat(" ", [
			"annotate the pod template cluster-autoscaler.kubernetes.io/safe-to-evict: \"false\" and",
			"karpenter.sh/do-not-disrupt: \"true\", or do not switch protectFromEviction off for it",
		])}],
	},
	"warns of one": {
		"input": document(["Karpenter"], []),
		"findings": [{"messageContains": ["Karpenter may evict the pods of Job ml/train"]}],
	},
	"warns of a VPA that evicts": {
		"input": document([], [vpa]),
		"findings": [{
			"rule": "training-evictable",
			"action": "warn",
			"overlap": 0,
			"message": "VerticalPodAutoscaler ml/train (mode Recreate) may evict the pods of Job ml/train in the middle of a run",
			"remedy": "set updateMode of VerticalPodAutoscaler ml/train to Initial or \"Off\"",
		}],
	},
	"a protected run is left alone": {
		"input": document([], []),
		"findings": [],
	},
	"other overlaps are other rules' matter": {
		"input": document([], [{"id": 0, "type": "same-metric", "vpa": {"text": "v", "mode": "Recreate"}}]),
		"findings": [],
	},
}
