#!/usr/bin/env -S bats --tap
# What can go wrong at an endpoint is told in one sentence, and nothing is lost.
load common
load hosted

# slow N -- a spec of so many cells in s.yaml, that take 0.2 s each where the script is that of slow_start.
slow() {
	cat >s.yaml <<-SPEC
		version: 1
		jobs:
		  cell:
		    language: bash
		    code: "slow \${{ matrix.n }}"
		    matrix: { n: [$(seq -s, "$1")] }
	SPEC
	echo '[{"match":"slow","delay_ms":200}]' >script
}

# background ARGUMENTS -- a run in the background, once its first cell has ended; RUNNER is its process.
background() {
	"$SANDBATCH" run s.yaml --output kept "$@" >out 2>err 3>&- &
	RUNNER=$!
	eventually grep -q '"ended"' kept/journal.jsonl
}

# ends CODE -- the run in the background ends with it.
ends() {
	local status=0
	wait "$RUNNER" || status=$?
	cat err
	test $status -eq "$1"
}

# tells SENTENCE -- a line of what was said on stderr is just that.
tells() {
	grep -qxF "sandbatch: $1" err || {
		cat err
		return 1
	}
}

all_passed() {
	test "$(verdicts kept | grep -c ' passed$')" -eq "$1"
	jq -e '[.cells[].attempts] | max == 1' kept/summary.json
}

@test "a service that is killed and back within seconds is only waited for" {
	slow 40
	start=(--executor fake --script script --slots 4 --listen "unix:$PWD/socket" --data "$PWD/data")
	serve_start "${start[@]}"
	background --endpoint "unix:$PWD/socket"
	kill -9 "${SERVICES[0]}"
	rm -f socket
	sleep 0.3
	serve_start "${start[@]}"
	ends 0
	all_passed 40
}

@test "a service that is gone for good ends the run with 4, and it can go on later" {
	slow 30
	start=(--executor fake --script script --slots 4 --listen "unix:$PWD/socket" --data "$PWD/data")
	serve_start "${start[@]}"
	background --endpoint "unix:$PWD/socket"
	kill -9 "${SERVICES[0]}"
	ends 4
	grep -c "cannot reach unix:$PWD/socket: " out
	rm -f socket
	serve_start "${start[@]}"
	exits 0 sandbatch run --resume=kept --endpoint "unix:$PWD/socket"
	all_passed 30
}

@test "a service that says 429 for a while only slows a run" {
	slow 12
	hosted --executor fake --script script --slots 4
	background --endpoint "$URL" -j 8
	echo busy >mode
	sleep 2
	rm mode
	ends 0
	all_passed 12
}

@test "a slow service is waited for" {
	slow 4
	hosted --executor fake --script script --slots 4
	echo slow >mode
	exits 0 sandbatch run s.yaml --output kept --endpoint "$URL"
	all_passed 4
}

@test "garbage in place of languages is told" {
	hosted
	echo garbage >mode
	exits 4 sandbatch languages --endpoint "$URL"
	test "$(wc -l <err)" -eq 1
	grep "^sandbatch: $URL: " err
}

@test "garbage midway fails the cells it was told to, with what was told" {
	slow 12
	hosted --executor fake --script script --slots 4
	background --endpoint "$URL" -j 4
	echo garbage >mode
	ends 4
	jq -r '.cells[] | select(.verdict == "error") | .reason' kept/summary.json >reasons
	grep "^$URL answered 200 to GET /jobs/.* with \"<html>not what you asked for\": " reasons
	rm mode
	exits 0 sandbatch run --resume=kept --rerun-failed --endpoint "$URL"
	test "$(verdicts kept | grep -c ' passed$')" -eq 12
}

@test "connections dropped each time are told" {
	hosted
	echo drop >mode
	exits 4 sandbatch languages --endpoint "$URL"
	tells "no answer from $URL to GET /languages: Empty reply from server (tried 6 times)"
}

@test "TLS that fails is told at once" {
	serve_start
	exits 4 sandbatch languages --endpoint "https://${URL#http://}"
	test "$(wc -l <err)" -eq 1
	grep "^sandbatch: cannot reach https://${URL#http://}: .*SSL" err
}

@test "a certificate nobody vouches for is told at once" {
	command -v openssl >/dev/null || skip "no openssl to play the service"
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key -out cert -days 1 2>/dev/null
	openssl s_server -accept 127.0.0.1:0 -cert cert -key key -www >tls.out 2>&1 3>&- &
	SERVICES+=($!)
	eventually grep -q '^ACCEPT' tls.out
	port=$(sed -n 's/^ACCEPT .*://p' tls.out)
	exits 4 sandbatch languages --endpoint "https://127.0.0.1:$port"
	test "$(wc -l <err)" -eq 1
	grep "^sandbatch: cannot reach https://127.0.0.1:$port: .*certificate" err
	not grep tried err
}

@test "a host that has no address is told" {
	exits 4 sandbatch languages --endpoint http://nowhere.invalid
	tells "cannot reach http://nowhere.invalid: Could not resolve host: nowhere.invalid (tried 6 times)"
}
