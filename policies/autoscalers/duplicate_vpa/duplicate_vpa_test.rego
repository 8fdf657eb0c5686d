package scaleguard.rules.autoscalers.duplicate_vpa_test

overlap := {
	"id": 1,
	"type": "duplicate-vpa",
	"workload": {"text": "Deployment web"},
	"vpa": {"text": "VerticalPodAutoscaler shop/b", "mode": "Initial"},
	"other": {"text": "VerticalPodAutoscaler shop/a", "mode": "Recreate"},
	"reductions": [],
}

document(changes) := {"overlaps": [object.union(overlap, changes)]}

sentence := concat(" ", [
	"VerticalPodAutoscaler shop/b (mode Initial) acts on Deployment web,",
	"and so does VerticalPodAutoscaler shop/a (mode Recreate)",
])

cases := {
	"denies and names both with their modes": {
		"input": document({}),
		"findings": [{
			"rule": "duplicate-vpa",
			"action": "deny",
			"overlap": 1,
			"message": sentence,
			"remedy": concat(" ", [
				"keep one of them; updateMode: \"Off\" without startupBoost in",
				"VerticalPodAutoscaler shop/a keeps its recommendations",
			]),
		}],
	},
	"warns with the reason when reduced": {
		"input": document({"reductions": ["the VPA is inert"]}),
		"findings": [{
			"action": "warn",
			"message": concat("", [sentence, "; only a warning: the VPA is inert"]),
		}],
	},
	"warns with every reason": {
		"input": document({"reductions": ["one", "another"]}),
		"findings": [{"action": "warn", "messageContains": ["only a warning: one; another"]}],
	},
	"each of several others is a finding": {
		"input": {"overlaps": [overlap, object.union(overlap, {"id": 2, "reductions": ["inert"]})]},
		"findings": [{"overlap": 1, "action": "deny"}, {"overlap": 2, "action": "warn"}],
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
