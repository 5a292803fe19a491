#!/usr/bin/env bats
# The wall clock is set, by a day forward and a day back, under a service: what it measures and promises must not care.
load ../api/common

DAY=86400

# clock_start [OPTION...] -- a service that sees the clock which set_clock sets.
clock_start() {
	local library
	library=$(dpkg -L libfaketime 2>/dev/null | grep -m 1 '/libfaketime\.so') || skip 'libfaketime is not installed'
	set_clock 0
	# A sanitizer wants to be the first library, but does not mind.
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nexec env LD_PRELOAD="%s" FAKETIME_TIMESTAMP_FILE="%s" FAKETIME_NO_CACHE=1 %s "%s" "$@"\n' "$library" \
		"$PWD/clock" 'FAKETIME_DONT_FAKE_MONOTONIC=1 ASAN_OPTIONS=verify_asan_link_order=0' "$BUILD/sandbatch" >clocked
	chmod +x clocked
	export SANDBATCH=./clocked
	serve_start "$@"
}

# set_clock SECONDS -- how far the service's clock is off ours.
set_clock() {
	printf '%+d\n' "$1" >clock.new
	mv clock.new clock
}

# sign TARGET TIME -- curl's options for a signed GET.
sign() {
	local hex
	hex=$(printf '%s:GET:%s:' "$2" "$1" | openssl dgst -sha256 -hmac unsb-sk-1 -r | cut -d' ' -f1)
	SIGNED=(-H 'Authorization: Bearer unsb-pk-1' -H "X-Timestamp: $2" -H "X-Signature: $hex")
}

# in_order -- the times of the job in body are, and no result says more than MS.
in_order() {
	jq -e --argjson ms "$1" '.created_at <= .started_at and .started_at <= .completed_at
		and .completed_at - .created_at <= $ms / 1000 + 1
		and .result.total_time_ms <= $ms and .result.queue_time_ms <= $ms' body
}

@test "jobs that wait and run while the clock is set have times in order, and true durations" {
	clock_start --executor fake --script "$SCRIPT" --slots 1
	local step ids=()
	for step in $DAY -$DAY 0; do
		submit sleepy
		ids+=("$ID")
		submit sleepy
		ids+=("$ID")
		set_clock "$step"
	done
	for ID in "${ids[@]}"; do
		answers 200 GET "/jobs/$ID?wait=20"
		[ "$(jq -r .status body)" = completed ]
		in_order 8000
	done
	answers 200 GET /metrics
	awk '$1 == "sandbatch_job_duration_seconds_sum" { seen = 1; if ($2 < 1 || $2 > 30) exit 1 } END { exit !seen }' body
}

@test "a job is told to be as old as it is, whatever the clock was when the service began" {
	clock_start --executor fake --script "$SCRIPT" --slots 1 --data data
	set_clock $DAY
	submit forever
	local first=$ID
	submit sleepy
	serve_crash
	set_clock 0
	serve_start --executor fake --script "$SCRIPT" --slots 2 --data data
	answers 200 GET "/jobs/$ID?wait=20"
	in_order 9000
	ID=$first
	eventually status_is running
	jq -e '.started_at >= .created_at' body
	submit hi
	answers 200 GET "/jobs/$ID?wait=20"
	in_order 5000
	answers 200 GET /jobs
	jq -e --arg id "$first" '[.jobs[].job_id] == [$id]' body
}

@test "a wait lasts as long as it was asked for" {
	clock_start --executor fake --script "$SCRIPT"
	submit forever
	local began step
	for step in $DAY -$DAY; do
		began=$(ms)
		call GET "/jobs/$ID?wait=1" >status 3>&- &
		eventually test -e status
		set_clock "$step"
		wait $!
		[ "$(cat status)" = 200 ]
		[ $(($(ms) - began)) -ge 900 ]
		[ $(($(ms) - began)) -lt 5000 ]
	done
}

@test "a rate does not fill when the clock is set" {
	printf 'keys:\n  - { name: course, secret_sha256: %s, rate_per_minute: 60 }\n' \
		"$(printf abc | sha256sum | cut -d' ' -f1)" >keys.yml
	chmod 600 keys.yml
	clock_start --executor fake --script "$SCRIPT" --keys keys.yml
	local key=(-H 'Authorization: Bearer abc') step i
	for ((i = 0; i < 30; i++)); do printf '{"language":"bash","code":"hi"}\n'; done | jq -sc . >thirty
	local batch=(-H 'Content-Type: application/json' -d @thirty)
	answers 200 POST /jobs/batch "${key[@]}" "${batch[@]}"
	answers 200 POST /jobs/batch "${key[@]}" "${batch[@]}"
	for step in $DAY -$DAY; do
		set_clock "$step"
		answers 429 POST /jobs/batch "${key[@]}" "${batch[@]}"
		awk -F': ' 'tolower($1) == "retry-after" { seen = 1; if ($2 < 1 || $2 > 60) exit 1 } END { exit !seen }' head.text
	done
	# One a second comes back.
	json hi
	eventually answers 200 POST /execute "${JSON[@]}" "${key[@]}"
}

@test "signatures are held to the clock that is set" {
	printf 'keys:\n  - { name: ci, public: unsb-pk-1, secret: unsb-sk-1 }\n' >keys.yml
	chmod 600 keys.yml
	clock_start --executor fake --script "$SCRIPT" --keys keys.yml
	local step
	sign /jobs "$(date +%s)"
	answers 200 GET /jobs "${SIGNED[@]}"
	for step in $DAY -$DAY; do
		set_clock "$step"
		answers 401 GET /jobs "${SIGNED[@]}"
		jq -e '.error | test("^X-Timestamp is 86[0-9]{3} s off")' body
		sign /jobs $(($(date +%s) + step))
		answers 200 GET /jobs "${SIGNED[@]}"
		sign /jobs "$(date +%s)"
	done
	set_clock 0
	answers 200 GET /jobs "${SIGNED[@]}"
}

@test "the ttl of a program is its own time, whatever the clock does" {
	clock_start --slots 1
	local step began
	for step in $DAY -$DAY; do
		began=$(ms)
		call POST /execute -H 'Content-Type: application/json' \
			-d '{"language":"bash","code":"echo on; sleep 30","ttl":2}' >status 3>&- &
		eventually any_running
		set_clock "$step"
		wait $!
		[ "$(cat status)" = 200 ]
		jq -e '.status == "timeout" and .limit == "ttl" and .stdout == "on\n" and .total_time_ms < 10000' body
		[ $(($(ms) - began)) -ge 1900 ]
	done
	json 'echo after'
	answers 200 POST /execute "${JSON[@]}"
	jq -e '.stdout == "after\n"' body
}

any_running() {
	curl -s -m 5 "$URL/health" | jq -e '.running == 1' >/dev/null
}
