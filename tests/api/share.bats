#!/usr/bin/env bats
load common

# batch N CODE [CURL OPTION...] -- N jobs of that code at once; the answer in body.
batch() {
	jq -cn --argjson n "$1" --arg code "$2" '[range($n) | {language: "bash", code: $code}]' >batch.json
	answers 200 POST /jobs/batch -H 'Content-Type: application/json' -d @batch.json "${@:3}"
}

# naps_start MS SLOTS [OPTION...] -- a service each of whose jobs takes so long.
naps_start() {
	echo "[{\"delay_ms\":$1,\"stdout\":\"\"}]" >nap.json
	SCRIPT=$PWD/nap.json fake_start --slots "$2" --data "$PWD/data" "${@:3}"
}

# born ID -- when that job came, in Unix ms: its id says so (RFC 9562, version 7).
born() {
	echo $((16#${1:0:8}${1:9:4}))
}

# count_ended WHERE -- the jobs in the store, which the service lets go first, that ended so.
count_ended() {
	kill -TERM "${SERVICES[-1]}"
	wait "${SERVICES[-1]}"
	unset 'SERVICES[-1]'
	COUNT=$(sqlite3 data/jobs.db "SELECT count(*) FROM ended WHERE $1")
}

@test "a key's thousand jobs delay another's ten by these ten and one of each slot" {
	naps_start 20 2
	batch 1000 x -H 'Authorization: Bearer first'
	batch 10 x -H 'Authorization: Bearer second'
	local came last
	came=$(born "$(jq -r '.job_ids[0]' body)")
	last=$(jq -r '.job_ids[9]' body)
	answers 200 GET "/jobs/$last?wait=20" -H 'Authorization: Bearer second'
	# Each of the ten took its turn after one of the first key's; two of these ran before.
	local second="(SELECT tenant FROM ended WHERE id = '$last')"
	count_ended "tenant <> $second AND ended_ms > $came
		AND ended_ms <= (SELECT max(ended_ms) FROM ended WHERE tenant = $second)"
	[ "$COUNT" -ge 1 ]
	[ "$COUNT" -le 13 ]
}

@test "an /execute is before all that wait" {
	naps_start 50 1
	batch 20 x
	json x
	answers 200 POST /execute "${JSON[@]}"
	local id
	id=$(jq -r .job_id body)
	count_ended "id <> '$id' AND ended_ms > $(born "$id") AND ended_ms <= (SELECT ended_ms FROM ended WHERE id = '$id')"
	[ "$COUNT" -le 1 ]
}

@test "past 10,000 jobs that wait a submit is 503 with Retry-After, and one that goes makes room" {
	naps_start 3600000 1
	submit x
	local running=$ID
	eventually status_is running
	for _ in {1..10}; do
		batch 1000 x
	done
	json x
	local sentence='10000 jobs are waiting, which is as many as are taken'
	refuses 503 queue_full "$sentence" POST /execute/async "${JSON[@]}"
	has_header 'Retry-After: 1'
	refuses 503 queue_full "$sentence" POST /execute "${JSON[@]}"
	has_header 'Retry-After: 1'
	refuses 503 queue_full "$sentence" POST /jobs/batch -H 'Content-Type: application/json' -d '[{"language":"bash","code":""}]'
	has_header 'Retry-After: 1'
	answers 200 DELETE "/jobs/$running"
	eventually answers 200 POST /execute/async "${JSON[@]}"
}
