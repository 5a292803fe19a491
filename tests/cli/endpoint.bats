#!/usr/bin/env -S bats --tap
# A service started by hand, on TCP and on a Unix socket, judges as the embedded one does.
load common

# tour FOLDER [OPTION...] -- run the tour; what was decided and printed, less what differs from run to run, in FOLDER.rows.
tour() {
	local folder=$1
	shift
	exits 0 sandbatch run specs/tour.yaml --output "$folder" "$@"
	jq -r '.cells[] | [.cell, .verdict, .reason, .exit_code] | @tsv' "$folder/summary.json" >"$folder.rows"
	find "$folder/jobs" -name stdout | sort | xargs sha256sum | sed "s,$folder/,," >>"$folder.rows"
}

# post PATH JSON -- the service's answer to a request.
post() {
	curl -sS --fail-with-body "${CURL[@]}" -H 'Content-Type: application/json' --data-binary @- "$URL$1" <<<"$2"
}

# request LANGUAGE FILE [STDIN] -- a request as JSON.
request() {
	jq -n --arg language "$1" --rawfile code "$2" --rawfile stdin "${3:-/dev/null}" \
		'{language: $language, code: $code, stdin: $stdin, ttl: 20}'
}

# by_curl -- each program of the regression spec, submitted by curl, prints what it should.
by_curl() {
	local dir=$TOP/specs/regression language file
	while read -r language file; do
		post /execute "$(request "$language" "$dir/$file" "$dir/numbers.in")" >answer
		jq -j .stdout answer | cmp - "$dir/numbers.out"
		jq -e '.success == true and .exit_code == 0 and .error == null' answer
	done < <(sed -n 's/.*{ language: \([a-z]*\), file: \(.*\) }/\1 \2/p' "$TOP/specs/regression.yaml")
}

# async -- submit, wait for, and cancel, as any client would.
async() {
	local id
	id=$(post /execute/async '{"language":"bash","code":"echo hi; exit 3"}' | jq -r .job_id)
	curl -sS "${CURL[@]}" "$URL/jobs/$id?wait=20" >job
	jq -e '.status == "completed" and .result.exit_code == 3 and .result.stdout == "hi\n" and .result.success == false' job
	id=$(post /execute/async '{"language":"bash","code":"echo so far; sleep 60"}' | jq -r .job_id)
	curl -sS "${CURL[@]}" "$URL/jobs" | jq -e --arg id "$id" '.jobs | map(.job_id) == [$id]'
	curl -sS "${CURL[@]}" -X DELETE "$URL/jobs/$id" | jq -e '.message == "Job cancelled" and .result.exit_code == -1'
	test "$(curl -sS "${CURL[@]}" -o gone -w '%{http_code}' -X DELETE "$URL/jobs/$id")" = 409
}

@test "the tour comes out the same embedded, over TCP and over a Unix socket" {
	project
	tour embedded
	serve_start
	tour tcp --endpoint "$URL"
	serve_start --listen "unix:$PWD/socket"
	test "$URL" = "unix:$PWD/socket"
	tour unix --endpoint "$URL"
	diff embedded.rows tcp.rows
	diff embedded.rows unix.rows
	cmp embedded/artifacts.tar.zst tcp/artifacts.tar.zst
	cmp embedded/artifacts.tar.zst unix/artifacts.tar.zst
}

@test "curl over TCP gets what the spec expects" {
	serve_start
	CURL=()
	by_curl
	async
}

@test "curl over a Unix socket gets what the spec expects" {
	serve_start --listen "unix:$PWD/socket"
	CURL=(--unix-socket "$PWD/socket")
	URL=http://localhost
	by_curl
	async
}

@test "one service listens in several places, and tells each" {
	serve_start --listen 127.0.0.1:0 --listen "unix:$PWD/socket"
	grep -c '^listening on ' serve.1.out | grep -x 2
	curl -sS "$URL/health"
	curl -sS --unix-socket "$PWD/socket" http://localhost/health
}

@test "a service ended by SIGTERM ends with 0 and leaves no process" {
	serve_start --listen "unix:$PWD/socket"
	pid=${SERVICES[0]}
	mapfile -t family < <(family "$pid")
	test "${#family[@]}" -gt 1
	kill -TERM "$pid"
	wait "$pid"
	eventually all_dead "${family[@]}"
	SERVICES=()
	test ! -e socket
}

@test "a service killed -9 leaves no process" {
	serve_start
	pid=${SERVICES[0]}
	mapfile -t family < <(family "$pid")
	kill -9 "$pid"
	wait "$pid" || true
	eventually all_dead "${family[@]}"
}

@test "serve refuses to serve strangers unless it is told to" {
	exits 2 timeout 10 sandbatch serve --listen 0.0.0.0:0 --data data
	grep -- '--allow-anonymous' err
	serve_start --listen 0.0.0.0:0 --allow-anonymous
}

@test "an address that is taken is told" {
	serve_start
	exits 5 timeout 10 sandbatch serve --listen "${URL#http://}" --data other
	grep "${URL##*:}" err
}

@test "a run against a service that dies midway says so and ends with 4" {
	serve_start
	cat >s.yaml <<-SPEC
		version: 1
		jobs:
		  slow: { language: bash, code: "exec sleep 59.$$" }
	SPEC
	"$SANDBATCH" run s.yaml --output kept --endpoint "$URL" >out 2>err 3>&- &
	runner=$!
	eventually started "sleep 59.$$"
	kill -9 "${SERVICES[0]}"
	status=0
	wait $runner || status=$?
	cat out err
	test $status -eq 4
	verdicts kept | grep -x 'slow error'
}
