package scaleguard.rules.house.gpu_quota_test

document(most, accelerators, quotas) := {
	"object": {"text": "HorizontalPodAutoscaler ml/llm"},
	"namespace": {"name": "ml", "labels": {}, "quotas": quotas},
	"autoscaler": {"type": "scaler", "maxReplicas": most, "accelerators": accelerators},
}

quota(gpus, scoped) := {
	"name": "team",
	"scoped": scoped,
	"hard": {"requests.nvidia.com/gpu": gpus, "requests.cpu": 4},
	"used": {},
}

two := {"nvidia.com/gpu": 2}

cases := {
	"refuses what is beyond the quota": {
		"input": document(6, two, [quota(8, false)]),
		"findings": [{
			"action": "deny",
			"resourceName": "nvidia.com/gpu",
			"message": concat(" ", [
				"HorizontalPodAutoscaler ml/llm may grow to 6 pods with 12 nvidia.com/gpu;",
				"ResourceQuota team allows 8",
			]),
		}],
	},
	"accepts what just fits": {
		"input": document(4, two, [quota(8, false)]),
		"findings": [],
	},
	"a quota on some pods only is not judged": {
		"input": document(6, two, [quota(8, true)]),
		"findings": [],
	},
	"a workload that is not there yet is not judged": {
		"input": document(6, null, [quota(8, false)]),
		"findings": [],
	},
	"a number that nobody can read is not judged": {
		"input": document(6, {"nvidia.com/gpu": "unreadable"}, [quota(8, false)]),
		"findings": [],
	},
	"pods without accelerators are left alone": {
		"input": document(60, {}, [quota(8, false)]),
		"findings": [],
	},
}
