#!/usr/bin/env bats
load common

@test "/execute answers with the result, the published fields first and ours behind" {
	fake_start
	json 'echo hi'
	answers 200 POST /execute "${JSON[@]}"
	has_header 'Content-Type: application/json'
	has_header 'Sandbatch-Version: 1'
	sed -E 's/"job_id":"[0-9a-f-]{36}"/"job_id":"ID"/; s/_ms":[0-9]+/_ms":0/g' body >got
	same got "$FIXTURES/service/result.json"
}

@test "a failing program is still 200" {
	fake_start
	json 'exit 3'
	answers 200 POST /execute "${JSON[@]}"
	jq -e '.success == false and .exit_code == 3 and .stderr == "bad\n" and .error == null' body
	[ "$(jq -r .status body)" = completed ]
}

@test "a timeout carries the output so far" {
	fake_start
	json endless
	answers 200 POST /execute "${JSON[@]}"
	jq -e '.success == false and .status == "timeout" and .limit == "ttl" and .stdout == "part\n"' body
}

@test "a job that could not be run has an error" {
	fake_start
	json node
	answers 200 POST /execute "${JSON[@]}"
	jq -e '.success == false and .status == "failed" and .error == "the node is gone"' body
}

@test "artifacts come in base64" {
	fake_start
	json build
	answers 200 POST /execute "${JSON[@]}"
	grep -qF '"artifacts":[{"filename":"a.out","content_base64":"YmluYXJ5"}]' body
}

@test "a body without Content-Type is taken as JSON" {
	fake_start
	json hi
	answers 200 POST /execute "${JSON[@]}" -H 'Content-Type:'
	answers 200 POST /execute "${JSON[@]}" -H 'Content-Type: Application/JSON; charset=utf-8'
}

@test "a body may be chunked" {
	fake_start
	json hi
	answers 200 POST /execute "${JSON[@]}" -H 'Transfer-Encoding: chunked'
}

@test "/execute/async answers with an id, and the job can be followed to its end" {
	fake_start
	submit sleepy
	says "{\"job_id\":\"$ID\",\"status\":\"pending\"}"
	[[ $ID =~ ^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$ ]]
	eventually status_is completed
	jq -e '.result.stdout == "awake\n" and .started_at <= .completed_at' body
	jq -e ".result.job_id == \"$ID\"" body
}

@test "a running job has a start and no result" {
	fake_start
	submit forever
	eventually status_is running
	jq -e '.result == null and .completed_at == null and .created_at <= .started_at' body
}

@test "wait answers the moment the job ends" {
	fake_start
	submit sleepy
	answers 200 GET "/jobs/$ID?wait=20"
	jq -e '.status == "completed" and .result.stdout == "awake\n"' body
}

@test "wait answers with the unfinished job at the time-out" {
	fake_start
	submit forever
	answers 200 GET "/jobs/$ID?wait=1"
	jq -e '.status == "running" and .result == null' body
}

@test "many may wait for one job" {
	fake_start
	submit sleepy
	for i in 1 2 3; do
		curl -s -m 20 "$URL/jobs/$ID?wait=20" >"got.$i" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	jq -e '.status == "completed"' got.1
	cmp got.1 got.2
	cmp got.1 got.3
}

@test "/jobs lists the caller's pending and running jobs, nothing else" {
	fake_start --slots 1
	answers 200 GET /jobs
	says '{"jobs":[]}'
	submit hi
	eventually status_is completed
	submit forever
	local running=$ID
	submit forever
	local pending=$ID
	submit forever -H 'Authorization: Bearer other'
	answers 200 GET /jobs
	jq -r '.jobs[] | "\(.job_id) \(.status) \(.language) \(keys | length)"' body >got
	printf '%s\n' "$running running bash 4" "$pending pending bash 4" | diff -u - got
	jq -e '.jobs | all(.submitted_at | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$"))' body
}

@test "a job of another key, and none, are 404 with the same bytes" {
	fake_start
	submit forever -H 'Authorization: Bearer one'
	for method in GET DELETE; do
		refuses 404 not_found 'there is no such job' "$method" "/jobs/$ID" -H 'Authorization: Bearer two'
		refuses 404 not_found 'there is no such job' "$method" "/jobs/$ID"
		refuses 404 not_found 'there is no such job' "$method" "/jobs/none" -H 'Authorization: Bearer one'
	done
	refuses 404 not_found 'there is no such job' GET "/jobs/$ID?wait=5"
	status_is running -H 'Authorization: Bearer one'
	answers 200 DELETE "/jobs/$ID" -H 'Authorization: Bearer one'
	refuses 404 not_found 'there is no such job' GET "/jobs/$ID"
	answers 409 DELETE "/jobs/$ID" -H 'Authorization: Bearer one'
}

@test "a repeated submit returns the first job's id" {
	fake_start
	submit forever -H 'Idempotency-Key: k1'
	local first=$ID
	submit forever -H 'Idempotency-Key: k1'
	[ "$ID" = "$first" ]
	submit forever -H 'Idempotency-Key: k2'
	[ "$ID" != "$first" ]
	submit forever -H 'Idempotency-Key: k1' -H 'Authorization: Bearer other'
	[ "$ID" != "$first" ]
	json different
	refuses 422 idempotency_mismatch 'the Idempotency-Key was used for another request before' \
		POST /execute/async "${JSON[@]}" -H 'Idempotency-Key: k1'
}

@test "a repeated /execute returns the first result" {
	fake_start
	json hi
	answers 200 POST /execute "${JSON[@]}" -H 'Idempotency-Key: k'
	cp body first
	answers 200 POST /execute "${JSON[@]}" -H 'Idempotency-Key: k'
	cmp first body
}

@test "a bad Idempotency-Key is refused" {
	fake_start
	json hi
	local long
	long=$(printf '%0256d' 0)
	refuses 400 malformed_request 'Idempotency-Key must be 1 to 255 bytes, not 256' \
		POST /execute/async "${JSON[@]}" -H "Idempotency-Key: $long"
}
