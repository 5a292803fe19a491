#!/usr/bin/env bats
load common

# ended CODE -- a job of that code that has ended, in ID.
ended() {
	submit "$1"
	answers 200 GET "/jobs/$ID?wait=10"
}

@test "/stdout and /stderr are the exact bytes, also where JSON cannot say them" {
	fake_start
	ended binary
	jq -e '.result.stdout == "\ufffd\ufffdabÄ"' body
	answers 200 GET "/jobs/$ID/stdout"
	printf '\xff\0ab\xc3\x84' | cmp - body
	has_header 'Content-Type: application/octet-stream'
	has_header 'Content-Length: 6'
	has_header 'Accept-Ranges: bytes'
	answers 200 GET "/jobs/$ID/stderr"
	printf 'plainÄ' | cmp - body
	serve_crash
	fake_start --data "$PWD/serve.1.data"
	answers 200 GET "/jobs/$ID/stdout"
	printf '\xff\0ab\xc3\x84' | cmp - body
}

@test "a range of them is 206, one behind the end 416, one not understood is ignored" {
	fake_start
	ended binary
	answers 206 GET "/jobs/$ID/stdout" -H 'Range: bytes=1-3'
	printf '\0ab' | cmp - body
	has_header 'Content-Range: bytes 1-3/6'
	has_header 'Content-Length: 3'
	answers 206 GET "/jobs/$ID/stdout" -H 'Range: bytes=-2'
	printf '\xc3\x84' | cmp - body
	refuses 416 range_not_satisfiable 'the Range begins behind the last byte' GET "/jobs/$ID/stdout" -H 'Range: bytes=6-'
	has_header 'Content-Range: bytes */6'
	answers 200 GET "/jobs/$ID/stdout" -H 'Range: bytes=0-1,3-4'
	answers 200 GET "/jobs/$ID/stdout" -H 'Range: lines=1-2'
	local tag
	tag=$(sed -n 's/^ETag: //p' head.text)
	answers 206 GET "/jobs/$ID/stdout" -H 'Range: bytes=0-0' -H "If-Range: $tag"
	answers 200 GET "/jobs/$ID/stdout" -H 'Range: bytes=0-0' -H 'If-Range: "another"'
	[ "$(curl -s -m 20 -I -o head -w '%{http_code}' "$URL/jobs/$ID/stdout")" = 200 ]
	tr -d '\r' <./head >head.text
	has_header 'Content-Length: 6'
}

@test "an artifact is fetched by its name" {
	fake_start
	ended build
	answers 200 GET "/jobs/$ID/artifacts/a.out"
	says binary
	answers 206 GET "/jobs/$ID/artifacts/a.out" -H 'Range: bytes=3-'
	says ary
	refuses 404 not_found 'there is no such artifact' GET "/jobs/$ID/artifacts/lib/a.out"
	answers 404 GET "/jobs/$ID/artifacts/"
}

@test "artifacts larger than inline_bytes are told by their path, waited for or not" {
	fake_start
	local id large='[{filename: "a.out", size: 6, path: ("/jobs/" + .job_id + "/artifacts/a.out")}]'
	ended build
	answers 200 GET "/jobs/$ID?inline_bytes=5"
	jq -e ".result.artifacts == $large" body
	answers 200 GET "$(jq -r '.result.artifacts[0].path' body)"
	says binary
	for id in "$ID" "$ID?inline_bytes=6" "$ID?inline_bytes=9223372036854775807"; do
		answers 200 GET "/jobs/$id"
		jq -e '.result.artifacts == [{filename: "a.out", content_base64: "YmluYXJ5"}]' body
	done
	submit 'build sleepy'
	answers 200 GET "/jobs/$ID?wait=10&inline_bytes=0"
	jq -e ".result.artifacts == $large" body
	for id in -1 x '' 1.5 9223372036854775808; do
		refuses 400 malformed_request "inline_bytes must be 0 or more, not '$id'" GET "/jobs/$ID?inline_bytes=$id"
	done
}

@test "outputs are their owner's alone, and come when the job has ended" {
	fake_start
	submit forever
	answers 409 GET "/jobs/$ID/stdout"
	jq -e '.code == "not_ended"' body
	refuses 404 not_found 'there is no such job' GET "/jobs/$ID/stdout" -H 'Authorization: Bearer other'
	refuses 404 not_found 'there is no such job' GET "/jobs/$ID/events" -H 'Authorization: Bearer other'
	refuses 404 not_found 'there is no such job' GET "/jobs/none/artifacts/x"
}

@test "/events tells output as it comes, then the result" {
	fake_start
	submit forever
	curl -sN -m 20 "$URL/jobs/$ID/events" >events &
	local reader=$!
	eventually grep -q '^data: {"stream":"stdout","offset":0,"text":"so far\\n"}$' events
	not grep -q '^event: result' events
	answers 200 DELETE "/jobs/$ID"
	wait $reader
	[ "$(grep -c '^event: ' events)" = 2 ]
	[ "$(tail -n 3 events | head -n 1)" = 'event: result' ]
	tail -n 2 events | sed -n 's/^data: //p' | jq -e --arg id "$ID" '.job_id == $id and .status == "cancelled"'
}

@test "/events of a job that has ended tells all of it" {
	fake_start
	ended binary
	answers 200 GET "/jobs/$ID/events"
	has_header 'Content-Type: text/event-stream'
	[ "$(grep '^event: ' body)" = $'event: output\nevent: output\nevent: result' ]
	grep -q '^data: {"stream":"stdout","offset":0,"text":"��abÄ"}$' body
	grep -q '^data: {"stream":"stderr","offset":0,"text":"plainÄ"}$' body
}

@test "a reader of /events who hangs up harms nobody, nor does a stop" {
	fake_start
	submit forever
	for _ in 1 2 3; do
		curl -sN -m 0.5 "$URL/jobs/$ID/events" >dropped || true
	done
	eventually status_is running
	curl -sN -m 20 "$URL/jobs/$ID/events" >events &
	local reader=$!
	eventually grep -q '^event: output' events
	kill -TERM "${SERVICES[0]}"
	wait $reader
	grep -q '^event: error' events
	tail -n 2 events | sed -n 's/^data: //p' | jq -e '.code == "shutting_down"'
	wait "${SERVICES[0]}"
}
