# METADATA
# title: The cases beside the rules, as tests of OPA
# description: >-
#   A rule's test is data: `cases` in the package of the rule with `_test` behind its name, each with
#   an `input` and the `findings` that it must get. A wanted finding gives the keys that matter;
#   `messageContains` lists parts of its message. `opa test` judges the cases here, `scaleguard
#   policies test` in the embedded engine, which is never given this file: it aborts on some uses of
#   `with`. In cases, let object.union meet flat objects only: that engine replaces nested ones.
package scaleguard.lib.testing

test_rules[suite][name] if {
	some family, suite
	some name, case in data.scaleguard.rules[family][suite].cases
	rule := trim_suffix(suite, "_test")
	found := data.scaleguard.rules[family][rule].findings with input as case.input
	agree(found, case.findings)
}

# As many are found as are wanted, and each wanted one is exactly one of them, another each time.
agree(found, wanted) if {
	count(found) == count(wanted)
	every want in wanted {
		count(alike(found, want)) == 1
	}
	found == {one | some want in wanted; some one in alike(found, want)}
}

alike(found, want) := {one |
	some one in found
	has(one, want)
}

has(one, want) if {
	every key, value in object.remove(want, ["messageContains"]) {
		one[key] == value
	}
	every part in object.get(want, "messageContains", []) {
		contains(one.message, part)
	}
}
