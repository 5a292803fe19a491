#!/usr/bin/env bats
# What a service must bear. `make check-faults` runs it at full length: FAULT_KILLS, FAULT_JOBS, FAULT_IDLE.
load ../api/common

KILLS=${FAULT_KILLS:-3}
JOBS=${FAULT_JOBS:-80}
IDLE=${FAULT_IDLE:-500}

# once PORT -- a service there, with the data of the one before.
once() {
	fake_start --data "$PWD/data" --listen "127.0.0.1:$1" --slots 4
}

# client NAME N -- submit N jobs whatever happens to the service; a line "ID CODE" for each in ids.NAME.
client() {
	local i id code
	for ((i = 0; i < $2; i++)); do
		code="$1-$i $((i % 7 == 0)) sleepy"
		[ $((i % 7)) = 0 ] || code="$1-$i"
		until id=$(curl -sf -m 5 -H "Idempotency-Key: $1-$i" -H 'Content-Type: application/json' \
			-d "{\"language\":\"bash\",\"code\":\"$code\"}" "$URL/execute/async" |
			sed -n 's/.*"job_id":"\([^"]*\)".*/\1/p') && [ -n "$id" ]; do
			sleep 0.1
		done
		echo "$id $code" >>"ids.$1"
	done
}

@test "killed at any moment, the service ends every job whose id it gave out, once" {
	once 0
	local port=${URL##*:} c pids=()
	for c in 1 2 3 4 5 6 7 8; do
		client "c$c" $((JOBS / 8)) 3>&- &
		pids+=($!)
	done
	for ((c = 0; c < KILLS; c++)); do
		sleep "0.$((RANDOM % 5 + 2))"
		serve_crash
		once "$port"
	done
	wait "${pids[@]}"
	cat ids.* >ids
	[ "$(wc -l <ids)" = $((JOBS / 8 * 8)) ]
	[ "$(cut -d' ' -f1 ids | sort -u | wc -l)" = $((JOBS / 8 * 8)) ]
	local id code
	while read -r id code; do
		answers 200 GET "/jobs/$id?wait=20"
		jq -e --arg id "$id" --arg out "$code" '.status == "completed" and .result.job_id == $id
			and (.result.stdout == $out or .result.stdout == "awake\n")' body >/dev/null
		cp body before
		answers 200 GET "/jobs/$id"
		cmp body before
	done <ids
	answers 200 GET /jobs
	says '{"jobs":[]}'
}

@test "a request cut at any byte harms nobody" {
	fake_start
	perl_socket '
		my $body = q({"language":"bash","code":"hi"});
		my $all = "POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
			. length($body) . "\r\n\r\n$body";
		for my $n (0 .. length($all) - 1) {
			my $c = dial() or die "dial at $n: $!";
			print $c substr($all, 0, $n);
			close $c if $n % 2;
			shutdown $c, 1 if !($n % 2);
		}'
	answers 200 GET /health
	eventually idle
	answers 200 GET /jobs
	says '{"jobs":[]}'
}

# No job is there.
idle() {
	answers 200 GET /health && jq -e '.pending == 0 and .running == 0' body >/dev/null
}

@test "callers who send slowly, or nothing, keep nobody waiting" {
	fake_start
	ulimit -n "$(ulimit -H -n)"
	perl_socket '
		my @idle = map { dial() or die "dial $_: $!" } 1 .. '"$IDLE"';
		my @slow = map { my $c = dial() or die; print $c "POST /execute HTTP/1.1\r\nHo"; $c } 1 .. 50;
		print STDOUT "ready\n";
		for (1 .. 300) { select undef, undef, undef, 0.1; $slow[$_ % 50]->print("x"); last if -e "enough" }' >ready &
	local pid=$!
	eventually grep -q ready ready
	json hi
	local began
	began=$(ms)
	answers 200 POST /execute "${JSON[@]}"
	[ $(($(ms) - began)) -lt 2000 ]
	touch enough
	wait $pid
	answers 200 GET /health
}

@test "with its fds used up it refuses callers, and serves again when they have gone" {
	(
		ulimit -n 128
		fake_start
		printf '%s\n' "$URL" "${SERVICES[0]}" >started
	)
	{
		read -r URL
		read -r pid
	} <started
	export URL
	SERVICES+=("$pid")
	perl_socket 'my @many = grep { defined } map { dial() } 1 .. 300; sleep 1' || true
	eventually answers 200 GET /health
	json hi
	answers 200 POST /execute "${JSON[@]}"
}

@test "a half-closed socket is answered or closed, and an /execute behind it is cancelled" {
	fake_start
	json forever
	perl_socket '
		my $body = q({"language":"bash","code":"forever"});
		print $s "POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
			. length($body) . "\r\n\r\n$body";
		select undef, undef, undef, 0.3;
		shutdown $s, 1;
		alarm 10;
		my @answer = <$s>;
		print STDOUT $answer[0] // "closed\n";' >answer
	grep -qE 'HTTP/1.1 400|closed' answer
	eventually idle
}

@test "a data folder that cannot be written ends the start with one sentence" {
	is_root || skip 'needs root to become somebody else'
	mkdir data
	chmod 555 data
	as_nobody timeout 10 sandbatch serve --executor fake --listen 127.0.0.1:0 --data data 2>"$BATS_RUN_TMPDIR/told" && return 1
	cat "$BATS_RUN_TMPDIR/told"
	[ "$(wc -l <"$BATS_RUN_TMPDIR/told")" = 1 ]
	grep -q 'data/jobs.db' "$BATS_RUN_TMPDIR/told"
}
