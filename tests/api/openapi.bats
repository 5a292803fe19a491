#!/usr/bin/env bats
load common

@test "/openapi.json lists every path, and each is there" {
	fake_start
	answers 200 GET /openapi.json
	jq -e '.openapi == "3.1.0" and (.paths | has("/execute") and has("/jobs/{id}/artifacts/{name}"))' body
	jq -e '.paths["/jobs/{id}"] | keys == ["delete", "get"]' body
	jq -r '.paths | to_entries[] | .key as $path | .value | keys[] | "\(ascii_upcase) \($path)"' body >operations
	[ "$(wc -l <operations)" -ge 17 ]
	local method path status
	while read -r method path; do
		path=${path/\{id\}/none}
		status=$(call "$method" "${path/\{name\}/a}")
		case $status in
		200) ;;
		*) jq -e '.success == false and (.error | type == "string") and (.code | type == "string")
			and .error != "there is no \($path) here"' --arg path "$path" body ;;
		esac
		[ "$status" != 405 ]
	done <operations
}
