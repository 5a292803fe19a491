#!/usr/bin/env bats
load common

# batch N CODE -- a file of N requests of that code.
batch() {
	jq -nc --argjson n "$1" --arg code "$2" '[range($n) | { language: "bash", code: "\($code) \(.)" }]' >batch.json
	BATCH=(-H 'Content-Type: application/json' --data-binary @batch.json)
}

@test "a batch of 1,000 gives ids in their order" {
	fake_start
	batch 1000 hi
	answers 200 POST /jobs/batch "${BATCH[@]}"
	jq -e '.status == "pending" and (.job_ids | length == 1000 and (unique | length) == 1000)' body
	cp body ids
	local i
	for i in 0 7 999; do
		answers 200 GET "/jobs/$(jq -r ".job_ids[$i]" ids)?wait=20"
		[ "$(jq -r .result.stdout body)" = "hi $i" ]
	done
}

@test "a batch is taken whole or not at all" {
	fake_start
	local type=(-H 'Content-Type: application/json')
	answers 413 POST /jobs/batch "${type[@]}" -d "$(jq -nc '[range(1001) | {}]')"
	refuses 400 malformed_request 'requests must not be empty' POST /jobs/batch "${type[@]}" -d '[]'
	refuses 400 malformed_request 'requests must be a list of requests' POST /jobs/batch "${type[@]}" -d '{}'
	refuses 400 malformed_request 'requests[1]: it must be an object' POST /jobs/batch "${type[@]}" \
		-d '[{"language":"bash","code":"forever"},5]'
	answers 400 POST /jobs/batch "${type[@]}" -d '{"requests":[{"language":"bash","code":"forever"},{"language":"bash"}]}'
	jq -e '.error | test("^requests\\[1\\]: code ")' body
	answers 422 POST /jobs/batch "${type[@]}" -d '[{"language":"bash","code":"forever"},{"language":"klingon","code":""}]'
	answers 200 GET /jobs
	says '{"jobs":[]}'
}

@test "a batch that is repeated with its Idempotency-Key gives the same ids" {
	fake_start
	batch 3 hi
	answers 200 POST /jobs/batch "${BATCH[@]}" -H 'Idempotency-Key: one'
	cp body first
	answers 200 POST /jobs/batch "${BATCH[@]}" -H 'Idempotency-Key: one'
	cmp first body
	batch 3 ho
	answers 422 POST /jobs/batch "${BATCH[@]}" -H 'Idempotency-Key: one'
	jq -e '.code == "idempotency_mismatch"' body
}

@test "ten jobs of one key do not wait for a thousand of another" {
	fake_start --slots 2
	batch 1000 sleepy
	answers 200 POST /jobs/batch "${BATCH[@]}" -H 'Authorization: Bearer many'
	batch 10 sleepy
	local began
	began=$(ms)
	answers 200 POST /jobs/batch "${BATCH[@]}" -H 'Authorization: Bearer few'
	ID=$(jq -r '.job_ids[9]' body)
	answers 200 GET "/jobs/$ID?wait=15" -H 'Authorization: Bearer few'
	jq -e '.status == "completed"' body
	# Ten jobs of 0.3 s and as many of the other key in two slots: 3 s, where 1,000 take 150.
	[ $(($(ms) - began)) -lt 6000 ]
}
