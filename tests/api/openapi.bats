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

@test "each endpoint answers what /openapi.json says" {
	fake_start
	local type=(-H 'Content-Type: application/json')
	answers 200 GET /health
	answers 200 GET /languages
	answers 200 GET /metrics
	answers 200 GET /openapi.json
	answers 200 POST /keys/validate
	json hi
	answers 200 POST /execute "${JSON[@]}"
	ID=$(jq -r .job_id body)
	answers 200 GET "/jobs/$ID"
	answers 200 GET "/jobs/$ID?inline_bytes=0"
	answers 200 GET "/jobs/$ID/stdout"
	answers 206 GET "/jobs/$ID/stdout" -H 'Range: bytes=0-0'
	answers 416 GET "/jobs/$ID/stdout" -H 'Range: bytes=1000-'
	answers 200 GET "/jobs/$ID/stderr"
	answers 200 GET "/jobs/$ID/events"
	answers 404 GET "/jobs/$ID/artifacts/none"
	json build
	answers 200 POST /execute "${JSON[@]}"
	answers 200 GET "/jobs/$(jq -r .job_id body)/artifacts/$(jq -r '.artifacts[0].filename' body)"
	answers 200 POST /run -H 'Content-Type: text/plain' --data-binary $'#!/bin/bash\nhi'
	jq -e '.detected_language == "bash"' body
	answers 200 POST /run/async -H 'Content-Type: text/plain' --data-binary $'#!/bin/bash\nhi'
	answers 422 POST /run -H 'Content-Type: text/plain' --data-binary 'puts "a"'
	answers 200 POST /jobs/batch "${type[@]}" -d '[{"language":"bash","code":"hi"},{"language":"bash","code":"hi"}]'
	submit forever
	answers 200 GET /jobs
	answers 409 GET "/jobs/$ID/stdout"
	answers 200 GET "/jobs/$ID"
	answers 200 DELETE "/jobs/$ID"
	answers 409 DELETE "/jobs/$ID"
	answers 200 GET "/jobs/$ID"
	answers 200 GET /openapi.json
	cp body openapi.json
	"$TOP/tests/api/described" openapi.json "$BATS_FILE_TMPDIR/answers/list" all
}

@test "what the schema of a request refuses the service refuses, and takes what it allows" {
	fake_start
	answers 200 GET /openapi.json
	cp body openapi.json
	local fields=() field body status
	mapfile -t fields <"$FIXTURES/service/fields.txt"
	for field in "${fields[@]}"; do
		body="{\"language\":\"bash\",\"code\":\"hi\",$field}"
		status=$(call POST /execute -H 'Content-Type: application/json' -d "$body")
		# Who is refused hears which field it was.
		[ "$status" = 200 ] || jq -e --arg f "$(cut -d'"' -f2 <<<"$field")" '.error | contains($f)' ./body
		printf '%s\t' "$status" >>asked
		printf '%s\n' "$body" >>asked
	done
	python3 - <<-'PYTHON'
		import json, jsonschema
		told = json.load(open("openapi.json"))
		schema = {"$ref": "#/components/schemas/request", "components": told["components"]}
		check = jsonschema.Draft202012Validator(schema)
		for line in open("asked"):
		    status, body = line.rstrip("\n").split("\t")
		    assert (status == "200") == check.is_valid(json.loads(body)), line
	PYTHON
	[ "$(cut -f1 asked | sort | uniq -c | wc -l)" = 3 ]
}
