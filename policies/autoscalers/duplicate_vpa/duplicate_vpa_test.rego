package scaleguard.rules.autoscalers.duplicate_vpa_test

overlap := {
	"id": 1,
	"type": "duplicate-vpa",
	"workload": {"text": "Deployment web"},
	"vpa": {"text": "VerticalPodAutoscaler shop/b", "mode": "Initial", "onlyBoosts": false},
	"other": {"text": "VerticalPodAutoscaler shop/a", "mode": "Recreate", "onlyBoosts": false},
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
	"says of one that only boosts what it has": {
		"input": document({"vpa": {"text": "VerticalPodAutoscaler shop/b", "mode": "Off", "onlyBoosts": true}}),
		"findings": [{
			"action": "deny",
			"message": concat(" ", [
				"VerticalPodAutoscaler shop/b (mode Off) has a startupBoost for Deployment web,",
				"and VerticalPodAutoscaler shop/a (mode Recreate) acts on it",
			]),
			"remedy": "keep one of them, or remove startupBoost from VerticalPodAutoscaler shop/b, which then only recommends",
		}],
	},
	"says of another that only boosts what it has": {
		"input": document({"other": {"text": "VerticalPodAutoscaler shop/a", "mode": "Off", "onlyBoosts": true}}),
		"findings": [{
			"action": "deny",
			"message": concat(" ", [
				"VerticalPodAutoscaler shop/b (mode Initial) acts on Deployment web,",
				"and VerticalPodAutoscaler shop/a (mode Off) has a startupBoost for it",
			]),
			"remedy": "keep one of them, or remove startupBoost from VerticalPodAutoscaler shop/a, which then only recommends",
		}],
	},
	"two that only boost are two": {
		"input": document({
			"vpa": {"text": "VerticalPodAutoscaler shop/b", "mode": "Off", "onlyBoosts": true},
			"other": {"text": "VerticalPodAutoscaler shop/a", "mode": "Off", "onlyBoosts": true},
		}),
		"findings": [{
			"action": "deny",
			"message": concat(" ", [
				"VerticalPodAutoscaler shop/b (mode Off) has a startupBoost for Deployment web,",
				"and so does VerticalPodAutoscaler shop/a (mode Off)",
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
