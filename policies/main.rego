# METADATA
# title: All findings on one object
# description: The one entry point. Every rule under scaleguard.rules adds to `findings`.
# entrypoint: true
package scaleguard

findings contains finding if {
	some family, rule
	some finding in data.scaleguard.rules[family][rule].findings
}
