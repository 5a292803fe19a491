#!/usr/bin/env bats
# What callers do to a service, and then go: it lives, is idle, and its memory and descriptors are back where they were.
# FAULT_IDLE connections, FAULT_ROUNDS times.
load ../api/common

IDLE=${FAULT_IDLE:-500}
ROUNDS=${FAULT_ROUNDS:-1}
GROWTH_KIB=512 # of noise

# resident -- the service's memory, KiB.
resident() {
	awk '/^VmRSS/ { print $2 }' "/proc/${SERVICES[-1]}/status"
}

descriptors() {
	find "/proc/${SERVICES[-1]}/fd" -type l | wc -l
}

# Nothing of its callers is left.
rested() {
	[ "$(descriptors)" -le "$DESCRIPTORS" ] && answers 200 GET /health && jq -e '.pending == 0 and .running == 0' body >/dev/null
}

is_within() {
	[ "$(resident)" -le "$1" ]
}

# bears FAULT... -- a service bears it, often: the first time may leave what is needed once.
bears() {
	local before i
	ulimit -n "$(ulimit -H -n)"
	fake_start --listen 127.0.0.1:0 --listen unix:socket
	json hi
	answers 200 POST /execute "${JSON[@]}"
	DESCRIPTORS=$(descriptors)
	"$@"
	eventually rested
	sleep 1.3 # then it has given back what it could
	before=$(resident)
	for ((i = 0; i < 2 * ROUNDS; i++)); do
		"$@"
		eventually rested
	done
	ldd "$SANDBATCH" | grep -q libasan || eventually is_within $((before + GROWTH_KIB))
	echo "# $* $before KiB, then $(resident)" >&3
	answers 200 POST /execute "${JSON[@]}"
	jq -e '.stdout == "hi"' body
	local began
	began=$(ms)
	serve_stop
	[ $(($(ms) - began)) -lt 5000 ]
}

# At a Unix socket, since TCP's ports would run out.
idle_callers() {
	perl_socket 'my @c = map { dial_unix() or die "dial $_: $!" } 1 .. '"$IDLE"
}

@test "idle connections leave nothing behind" {
	bears idle_callers
}

slow_callers() {
	perl_socket 'my @c = map { my $c = dial_unix() or die; print $c "POST /execute HTTP/1.1\r\nHost: x\r\nX-Long: ", "y" x 2000; $c } 1 .. '"$IDLE"
}

@test "requests whose headers never end leave nothing behind" {
	bears slow_callers
}

cut_requests() {
	perl_socket '
		my $body = q({"language":"bash","code":"hi"});
		my $all = "POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
			. length($body) . "\r\n\r\n$body";
		for my $n ((0 .. length($all) - 1) x 3) {
			my $c = dial() or die "dial at $n: $!";
			print $c substr($all, 0, $n);
			shutdown $c, 1 if $n % 2;
			close $c;
		}'
}

@test "requests cut at any byte leave nothing behind" {
	bears cut_requests
}

half_closed() {
	perl_socket '
		my $body = q({"language":"bash","code":"forever"});
		my @c = map {
			my $c = dial() or die;
			print $c "POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
				. length($body) . "\r\n\r\n$body";
			shutdown $c, 1;
			$c } 1 .. 20;
		alarm 20;
		for my $c (@c) { my $answer = <$c>; die "it said $answer" if defined $answer && $answer !~ m{^HTTP/1.1 400 } }'
}

@test "half-closed sockets leave nothing behind" {
	bears half_closed
}

half_bodies() {
	perl_socket 'my @c = map { my $c = dial() or die; print $c "POST /execute HTTP/1.1\r\nHost: x\r\n"
		. "Content-Type: application/json\r\nContent-Length: 30000000\r\n\r\n", "x" x 10000000; $c } 1 .. 8'
}

@test "large bodies that never come to an end leave nothing behind" {
	bears half_bodies
}

many_large() {
	local i
	[ -e large ] || { printf '{"language":"bash","code":"hi","input_files":[{"content":"%s"}]}' \
		"$(head -c 4000000 /dev/zero | base64 -w 0)"; } >large
	for i in 1 2 3; do
		answers 200 POST /execute -H 'Content-Type: application/json' --data-binary @large
	done
	head -c 30000000 /dev/zero >wrong
	answers 400 POST /execute -H 'Content-Type: application/json' --data-binary @wrong
}

@test "large requests leave nothing behind" {
	bears many_large
}

unread_answers() {
	perl_socket '
		my @c = map { my $c = dial() or die; print $c "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" x 50; $c } 1 .. 50;
		select undef, undef, undef, 0.2;'
}

@test "answers that nobody reads leave nothing behind" {
	bears unread_answers
}
