#!/usr/bin/env bats
load common

@test "a running job is cancelled, with its output so far" {
	fake_start
	submit forever
	eventually status_is running
	answers 200 DELETE "/jobs/$ID"
	jq -e ".message == \"Job cancelled\" and .job_id == \"$ID\" and .result.success == false" body
	jq -e '.result.stdout == "so far\n" and .result.error == "Job cancelled by user"' body
	jq -e '.result.exit_code == -1 and .result.status == "cancelled"' body
	status_is cancelled
}

@test "a pending job is cancelled at once and never runs" {
	fake_start --slots 1
	submit forever
	submit forever
	status_is pending
	answers 200 DELETE "/jobs/$ID"
	jq -e '.message == "Job cancelled" and .result.stdout == "" and .result.exit_code == -1' body
	status_is cancelled
	jq -e '.started_at == null' body
}

@test "a cancel answers once the program is dead" {
	fake_start
	submit stubborn
	eventually status_is running
	local start
	start=$(ms)
	answers 200 DELETE "/jobs/$ID"
	[ $(($(ms) - start)) -ge 1400 ]
	status_is cancelled
}

@test "two cancels of one job are both told" {
	fake_start
	submit stubborn
	eventually status_is running
	curl -s -m 20 -X DELETE "$URL/jobs/$ID" >first 3>&- &
	answers 200 DELETE "/jobs/$ID"
	wait $!
	cmp first body
}

@test "a job that has ended is 409" {
	fake_start
	submit hi
	eventually status_is completed
	refuses 409 conflict "job $ID has ended already" DELETE "/jobs/$ID"
}

@test "who waits for a job hears that it was cancelled" {
	fake_start
	submit forever
	curl -s -m 20 "$URL/jobs/$ID?wait=20" >waited 3>&- &
	eventually status_is running
	answers 200 DELETE "/jobs/$ID"
	wait $!
	jq -e '.status == "cancelled"' waited
}

only_job() {
	answers 200 GET /jobs
	ID=$(jq -r '.jobs[0].job_id // empty' body)
	[ -n "$ID" ]
}

@test "who hangs up on a waiting /execute has his job cancelled" {
	fake_start
	json forever
	curl -s -m 20 "${JSON[@]}" "$URL/execute" 3>&- &
	eventually only_job
	status_is running
	kill $!
	wait $! || true
	eventually status_is cancelled
	jq -e '.result.error == "Job cancelled: its caller hung up"' body
}

@test "who hangs up while waiting for an async job does it no harm" {
	fake_start
	submit sleepy
	curl -s -m 0.1 "$URL/jobs/$ID?wait=20" || true
	answers 200 GET "/jobs/$ID?wait=20"
	jq -e '.status == "completed"' body
}

@test "after a hang-up the same Idempotency-Key is a new job" {
	fake_start
	json sleepy
	curl -s -m 0.1 -H 'Idempotency-Key: k' "${JSON[@]}" "$URL/execute" || true
	answers 200 POST /execute "${JSON[@]}" -H 'Idempotency-Key: k'
	jq -e '.success and .stdout == "awake\n"' body
}
