package scaleguard.rules.autoscalers.hpa_not_load_balanced_test

balanced := {
	"server": "container app has port 8080",
	"labels": "app: web",
	"container": "app",
	"unselected": false,
	"near": null,
	"unready": false,
	"started": false,
	"unmatched": [],
}

scaler := {"type": "scaler", "inert": null, "workload": "Deployment web"}

document(changes, alone) := {
	"object": {"text": "HorizontalPodAutoscaler shop/web"},
	"autoscaler": object.union(
		object.union(scaler, {"traffic": object.union(balanced, changes)}),
		alone,
	),
}

port := {"service": "Service shop/web", "port": "http", "protocol": "TCP"}

cases := {
	"warns of pods that nothing selects": {
		"input": document({"unselected": true}, {}),
		"findings": [{
			"rule": "hpa-not-load-balanced",
			"action": "warn",
			"path": "spec.scaleTargetRef",
			"message": concat(" ", [
				"HorizontalPodAutoscaler shop/web adds pods to Deployment web (container app has port 8080):",
				"no Service selects them, so they get no traffic",
			]),
			"remedy": "add a Service that selects app: web",
		}],
	},
	"names the Service that was meant": {
		"input": document({"unselected": true, "near": {"text": "Service shop/web", "asks": "app: wbe"}}, {}),
		"findings": [{"remedy": "Service shop/web asks for app: wbe: let it select app: web"}],
	},
	"warns of traffic before pods are ready": {
		"input": document({"unready": true}, {}),
		"findings": [{
			"messageContains": ["): no container has a readiness probe, so traffic comes before they can answer"],
			"remedy": "give container app a readinessProbe",
		}],
	},
	"a startup probe only holds the first traffic back": {
		"input": document({"unready": true, "started": true}, {}),
		"findings": [{"messageContains": ["so traffic goes on to a pod that has started and no longer answers"]}],
	},
	"warns of a port that no container has": {
		"input": document({"unmatched": [port]}, {}),
		"findings": [{
			"messageContains": ["): Service shop/web sends to port http (TCP), which no container has"],
			"remedy": "give a TCP port of a container the name http, or set the targetPort of Service shop/web",
		}],
	},
	"tells everything at once": {
		"input": document({"unready": true, "unmatched": [port, object.union(port, {"port": "grpc"})]}, {}),
		"findings": [{
			"messageContains": ["sends to port http (TCP)", "; Service shop/web sends to port grpc (TCP)", "; no container has"],
			"remedy": concat("; ", [
				"give a TCP port of a container the name http, or set the targetPort of Service shop/web",
				"give a TCP port of a container the name grpc, or set the targetPort of Service shop/web",
				"give container app a readinessProbe",
			]),
		}],
	},
	"one that is balanced is left alone": {
		"input": document({}, {}),
		"findings": [],
	},
	"what is no server is left alone": {
		"input": document({}, {"traffic": null}),
		"findings": [],
	},
	"what has no effect adds no pods": {
		"input": document({"unselected": true}, {"inert": "minReplicas equals maxReplicas (1)"}),
		"findings": [],
	},
	"VPAs are other rules' matter": {
		"input": document({"unselected": true}, {"type": "vpa"}),
		"findings": [],
	},
}
