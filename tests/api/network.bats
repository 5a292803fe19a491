#!/usr/bin/env -S bats --tap
# Semitrusted jobs, in a network of the test's own: the namespace "host", where the service runs, and behind its only
# route the namespace "world", in which one address is public, others are private, link-local or a metadata service.
load common

PUBLIC=(93.184.216.34 2600:2::34 64:ff9b::5db8:d822)
PRIVATE=(10.1.2.3 172.16.0.9 192.168.5.5 100.100.100.200 192.0.0.192 198.18.0.1 203.0.113.9 fd12::9)
METADATA=(169.254.169.254 168.63.129.16 fd00:ec2::254)
DISGUISED=(64:ff9b::a01:203 64:ff9b::a9fe:a9fe 2002:a01:203::1)
HOST=(93.184.215.2 93.184.230.9 10.7.0.1 2600:1::2 2600:9::9)

setup_file() {
	[ "$(id -u)" -eq 0 ] || return 0
	export NET=sb$BASHPID
	local a
	PIDS=()
	for a in host world; do
		ip netns add "$NET$a"
		ip -n "$NET$a" link set lo up
	done
	ip -n "${NET}host" link add h0 type veth peer name w0 netns "${NET}world"
	add host h0 93.184.215.2/24 2600:1::2/64
	add world w0 93.184.215.1/24 2600:1::1/64
	ip -n "${NET}host" link set h0 up
	ip -n "${NET}world" link set w0 up
	ip -n "${NET}host" route add default via 93.184.215.1
	ip -n "${NET}host" route add default via 2600:1::1
	add host lo "${HOST[@]:1:2}" "${HOST[4]}"
	add world lo "${PUBLIC[@]}" 93.184.216.35 "${PRIVATE[@]}" "${METADATA[@]}" "${DISGUISED[@]}"
	answer world "${PUBLIC[@]}" 93.184.216.35 "${PRIVATE[@]}" "${METADATA[@]}" "${DISGUISED[@]}"
	answer host "${HOST[@]}" 127.0.0.1 ::1
	answer host --dns 127.0.0.53
	for a in 0 1 2; do
		eventually grep -q listening "$BATS_FILE_TMPDIR/$a"
	done
	export PIDS_OF_FILE=${PIDS[*]}
	eventually world_is_there
}

world_is_there() {
	PROBE_S=1 ip netns exec "${NET}host" python3 "$FIXTURES/network/probe.py" 2600:2::34 | grep -q 'tcp 2600:2::34 hears'
}

# add NAMESPACE LINK ADDRESS...
add() {
	local a
	for a in "${@:3}"; do
		case $a in
		*:*) ip -n "$NET$1" address add "$a" dev "$2" nodad ;;
		*) ip -n "$NET$1" address add "$a" dev "$2" ;;
		esac
	done
}

# answer NAMESPACE ARG... -- tests/api/network.py there, in the background.
answer() {
	ip netns exec "$NET$1" python3 "$TOP/tests/api/network.py" "${@:2}" >"$BATS_FILE_TMPDIR/${#PIDS[@]}" 3>&- &
	PIDS+=($!)
}

teardown_file() {
	[ -n "${NET:-}" ] || return 0
	local pid
	for pid in $PIDS_OF_FILE; do
		kill "$pid"
	done
	ip netns del "${NET}host"
	ip netns del "${NET}world"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	is_root || skip 'only root can make the networks'
	[ -e /proc/net/if_inet6 ] || skip 'no IPv6 here'
	echo 'nameserver 127.0.0.53' >resolv.conf
	: >covers
	WITH=()
}

# cover FILE COMMAND -- in the mount namespace of services that start from now on, FILE is a script that does this.
cover() {
	printf '#!/bin/sh\n%s\n' "$2" >"cover.${1##*/}"
	chmod 755 "cover.${1##*/}"
	echo "$PWD/cover.${1##*/} $1" >>covers
}

# hide FILE -- likewise it cannot be executed.
hide() {
	echo "/dev/null $1" >>covers
}

# In the host's namespace, with /dev/net/tun and its own /etc/resolv.conf.
in_host() {
	cat >enter <<-'SH'
		mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 || exit
		mount --bind resolv.conf /etc/resolv.conf || exit
		while read -r from to; do mount --bind "$from" "$to" || exit; done <covers
		exec "$@"
	SH
	exec nsenter --net="/run/netns/${NET}host" unshare -m sh enter "$@"
}

# host_serve [OPTION...] -- a service there, of root or (AS=nobody) of an ordinary user, started by WITH...
host_serve() {
	local as=() bin=$BUILD n=$((${#SERVICES[@]} + 1))
	if [ "${AS:-root}" = nobody ]; then
		HOME_OF_NOBODY=$(mktemp -d /tmp/nobody.XXXXXX)
		cp -R "$BUILD/sandbatch" "$BUILD/sandbatch-jail" "$BUILD/etc" "$HOME_OF_NOBODY"
		mkdir "$HOME_OF_NOBODY/data"
		chown -R 12345:12345 "$HOME_OF_NOBODY"
		chmod 755 "$HOME_OF_NOBODY"
		bin=$HOME_OF_NOBODY
		as=(setpriv --reuid 12345 --regid 12345 --clear-groups)
	fi
	: >"$n.out"
	in_host "${as[@]}" "${WITH[@]}" "$bin/sandbatch" serve --listen "unix:${HOME_OF_NOBODY:-$PWD}/socket" --listen 0.0.0.0:7780 \
		--allow-anonymous --data "${HOME_OF_NOBODY:-$PWD}/data" --slots 2 "$@" >"$n.out" 2>"$n.err" 3>&- &
	SERVICES+=($!)
	SOCKET=${HOME_OF_NOBODY:-$PWD}/socket
	eventually grep -q 'listening on http' "$n.out" || {
		cat "$n.err"
		return 1
	}
}

call() {
	curl -s -m 30 --unix-socket "$SOCKET" -X "$1" -D head -o body -w '%{http_code}' "${@:3}" "http://localhost$2"
}

# request NETWORK_MODE FILE ARG... -- a job of Python that is that file.
request() {
	jq -n --rawfile code "$2" --arg net "$1" '$ARGS.positional as $args
		| { language: "python", code: $code, network_mode: $net, args: $args, ttl: 30 }' --args "${@:3}" >request
}

# job NETWORK_MODE FILE ARG... -- its output.
job() {
	request "$@"
	answers 200 POST /execute -H 'Content-Type: application/json' -d @request
	jq -r '.stdout, .stderr, .error // empty' body | sed '/^$/d'
}

# reaches NETWORK_MODE ADDRESS...
reaches() {
	job "$1" "$FIXTURES/network/probe.py" "${@:2}"
}

# The same by a service of root and one of an ordinary user.
each_user() {
	local AS
	for AS in root nobody; do
		host_serve
		"$@" || {
			echo "as $AS"
			cat ./*.err
			return 1
		}
		serve_stop
		rm -rf "${HOME_OF_NOBODY:-}" socket
	done
}

everywhere() {
	reaches semitrusted "${PUBLIC[@]}" "${PRIVATE[@]}" "${METADATA[@]}" "${DISGUISED[@]}" "${HOST[@]}" 127.0.0.1 ::1 \
		"${HOST[0]}:7780" "${HOST[1]}:7780" 127.0.0.1:7780 >reached
	same reached "$FIXTURES/network/semitrusted.txt"
}

@test "a semitrusted job reaches public addresses, by TCP and UDP, and neither this host nor what lies around it" {
	each_user everywhere
}

around_the_rules() {
	ip netns exec "${NET}host" python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("\0sandbatch-test")
s.listen()
time.sleep(60)' 3>&- &
	local listener=$!
	job semitrusted "$FIXTURES/network/rules.py" >tried
	kill "$listener"
	same tried "$FIXTURES/network/rules.txt"
}

@test "a semitrusted job cannot change its rules, nor get around them" {
	each_user around_the_rules
}

names() {
	job semitrusted "$FIXTURES/network/names.py" >named
	printf 'public.test 93.184.216.34\nunknown.test Name or service not known\n' | diff - named
}

@test "names are resolved by the host's name server, on its loopback though it be" {
	each_user names
}

@test "a zerotrust job reaches nothing, beside semitrusted ones" {
	host_serve
	reaches semitrusted 93.184.216.34 | grep -q 'tcp 93.184.216.34 hears 93.184.215.2'
	reaches zerotrust "${PUBLIC[@]}" 10.1.2.3 169.254.169.254 "${HOST[0]}" 127.0.0.1 192.0.0.8:53 >reached
	not grep 'hears\|(late)' reached
	[ "$(grep -c 'Network is unreachable\|Cannot assign requested address' reached)" = 16 ]
	job zerotrust "$FIXTURES/network/names.py" >named
	not grep -q 93.184 named
}

@test "--allow-net opens networks, but never this host" {
	host_serve --allow-net 10.0.0.0/8 --allow-net fd12::9
	reaches semitrusted 10.1.2.3 fd12::9 >reached
	grep -q 'tcp 10.1.2.3 hears 93.184.215.2' reached
	grep -q 'udp 10.1.2.3 hears 93.184.215.2' reached
	grep -q 'tcp fd12::9 hears 2600:1::2' reached
	grep -q 'udp fd12::9 hears 2600:1::2' reached
	reaches semitrusted 10.7.0.1 172.16.0.9 fd00:ec2::254 64:ff9b::a01:203 >reached
	not grep -q hears reached
}

@test "a network that is none is told before anything starts" {
	exits 2 sandbatch serve --listen unix:s --data d --allow-net 10.0.0.0/33
	grep -q -- "--allow-net must be a network as 10.1.0.0/16 or fd12::/48, not '10.0.0.0/33'" err
	exits 2 sandbatch serve --listen unix:s --data d --allow-net 10.1.0.0/8
	grep -q -- "--allow-net 10.1.0.0/8: the address has bits beyond the first 8" err
	[ ! -s out ]
}

@test "without the rules a private address would be reached" {
	cover /usr/sbin/nft 'cat >/dev/null'
	host_serve
	reaches semitrusted 10.1.2.3 169.254.169.254 "${HOST[1]}" >reached
	grep -q 'tcp 10.1.2.3 hears' reached
	grep -q 'udp 169.254.169.254 hears' reached
	grep -q "tcp ${HOST[1]} hears" reached
}

@test "who listens in a job is heard by nobody: not on this host, not in another slot, not around" {
	cat >listen.py <<-'PY'
		import select, socket, sys, time
		t = socket.create_server(("0.0.0.0", 45678))
		u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		u.bind(("0.0.0.0", 45679))
		u.sendto(b"hello", ("93.184.216.34", 7777))
		print(u.recvfrom(100)[1][0], flush=True)
		end = time.monotonic() + 2
		while (left := end - time.monotonic()) > 0:
		    for s in select.select([t, u], [], [], left)[0]:
		        print("heard", (s.accept() if s is t else s.recvfrom(100))[1][0], flush=True)
	PY
	local strangers=()
	host_serve
	request semitrusted listen.py
	answers 200 POST /execute/async -H 'Content-Type: application/json' -d @request
	ID=$(jq -r .job_id body)
	grep -q 93.184.216.34 <(curl -s -N -m 5 --unix-socket "$SOCKET" "http://localhost/jobs/$ID/events")
	for from in host world; do
		PROBE_S=1 ip netns exec "$NET$from" python3 "$FIXTURES/network/probe.py" \
			"${HOST[0]}:45678" "${HOST[0]}:45679" >"from.$from" 3>&- &
		strangers+=($!)
	done
	reaches semitrusted "${HOST[0]}:45678" 127.0.0.1:45678 "${HOST[0]}:45679" >from.slot
	wait "${strangers[@]}"
	not grep hears from.*
	[ "$(grep -c 'tcp Connection refused' from.slot)" = 3 ]
	answers 200 GET "/jobs/$ID?wait=20"
	jq -e '.status == "completed" and .result.stdout == "93.184.216.34\n"' body
}

@test "an address that becomes this host's is refused from then on" {
	host_serve
	reaches semitrusted 93.184.216.35 | grep -q 'tcp 93.184.216.35 hears'
	add host lo 93.184.216.35/32
	refused() {
		reaches semitrusted 93.184.216.35 | grep -q 'udp Operation not permitted'
	}
	eventually refused
	ip -n "${NET}host" address del 93.184.216.35/32 dev lo
	again() {
		reaches semitrusted 93.184.216.35 | grep -q 'udp 93.184.216.35 hears'
	}
	eventually again
}

# hears_late KEY -- what an answer that comes when its job has ended does in the next one, which is this key's.
hears_late() {
	local port=$((50000 + RANDOM % 10000))
	printf 'import socket\nu = socket.socket(2, 2)\nu.bind(("", %s))\nu.sendto(b"later", ("%s", 7777))\n' \
		"$port" 93.184.216.34 >send.py
	cat >hear.py <<-PY
		import socket
		u = socket.socket(2, 2)
		u.bind(("", $port))
		u.settimeout(2)
		print(u.recv(100).decode())
	PY
	request semitrusted send.py
	answers 200 POST /execute -H 'Content-Type: application/json' -H 'Authorization: Bearer one' -d @request
	jq -e .success body
	request semitrusted hear.py
	answers 200 POST /execute -H 'Content-Type: application/json' -H "Authorization: Bearer $1" -d @request
}

@test "what comes for one tenant's job late is not given to the next tenant's" {
	host_serve --slots 1
	hears_late one
	jq -e '.stdout == "93.184.216.34 hears 93.184.215.2\n"' body
	hears_late two
	jq -e '.stdout == "" and (.stderr | test("timed out"))' body
	not grep 'started anew' 1.err
}

@test "a slot that nobody wanted for a minute ends, its forwarder too; the next job gets another" {
	local library
	library=$(dpkg -L libfaketime 2>/dev/null | grep -m 1 '/libfaketime\.so') || skip 'libfaketime is not installed'
	echo +0 >clock
	# a sanitizer wants to be the first library, but does not mind
	WITH=(env "LD_PRELOAD=$library" "FAKETIME_TIMESTAMP_FILE=$PWD/clock" FAKETIME_NO_CACHE=1 ASAN_OPTIONS=verify_asan_link_order=0)
	host_serve --slots 1
	has_children() {
		answers 200 GET /health # a turn of its loop: it looks at the clock
		[ "$(pgrep -c -P "${SERVICES[-1]}")" = "$1" ]
	}
	local clock
	for clock in +61 +122; do
		reaches semitrusted 93.184.216.34 | grep -q 'tcp 93.184.216.34 hears'
		jq -e '.execution_mode == "cold"' body
		has_children 3
		pgrep -P "${SERVICES[-1]}" -f pasta
		echo "$clock" >clock
		eventually has_children 1
		[ -z "$(find /sys/fs/cgroup -name "sandbatch.${SERVICES[-1]}.2")" ]
	done
	not grep 'started anew' 1.err
	reaches zerotrust 93.184.216.34 | grep -q 'Network is unreachable'
	jq -e '.execution_mode == "pooled"' body
}

@test "a service that is killed leaves no forwarder" {
	each_user dies
}

dies() {
	reaches semitrusted 93.184.216.34 | grep -q hears
	local all
	mapfile -t all < <(family "${SERVICES[-1]}")
	[ "${#all[@]}" -ge 5 ]
	serve_crash
	eventually all_dead "${all[@]}"
}

@test "a forwarder that dies takes its slot along: the job failed, the next one is connected" {
	host_serve --slots 1
	printf 'import time\nprint("begun", flush=True)\ntime.sleep(20)\n' >sleep.py
	request semitrusted sleep.py
	answers 200 POST /execute/async -H 'Content-Type: application/json' -d @request
	ID=$(jq -r .job_id body)
	grep -q begun <(curl -s -N -m 5 --unix-socket "$SOCKET" "http://localhost/jobs/$ID/events")
	kill -KILL "$(pgrep -P "${SERVICES[-1]}" -f pasta)"
	answers 200 GET "/jobs/$ID?wait=20"
	jq -e '.status == "failed" and (.result.error | test("slot 2 was ended: its pasta ended by signal 9"))' body
	reaches semitrusted 93.184.216.34 | grep -q 'tcp 93.184.216.34 hears'
	[ -z "$(find /sys/fs/cgroup -name "sandbatch.${SERVICES[-1]}.2" -empty)" ]
}

@test "without pasta, and where pasta does not work, slirp4netns connects" {
	local why
	for why in hidden broken; do
		: >covers
		if [ "$why" = hidden ]; then hide /usr/bin/pasta; else cover /usr/bin/pasta 'exit 1'; fi
		host_serve
		reaches semitrusted 93.184.216.34 10.1.2.3 169.254.169.254 "${HOST[@]}" 10.0.2.2 10.0.2.2:7780 >reached
		[ "$(grep -c 'hears 93.184.215.2' reached)" = 2 ]
		[ "$(grep -c hears reached)" = 2 ]
		not grep late reached
		names
		answers 200 GET /health
		jq -e '.semitrusted == "slirp4netns"' body
		serve_stop
		rm -f socket
	done
	grep -q 'pasta does not work here: slirp4netns is tried in its place' 1.err
}

@test "where neither works a job failed at once, and nobody tries again before the next one" {
	cover /usr/bin/pasta 'exit 3'
	cover /usr/bin/slirp4netns 'echo hm >&2; echo no way out >&2; exit 4'
	host_serve --slots 1
	reaches semitrusted 93.184.216.34 >told
	echo 'the sandbox of slot 2 could not be started: its slirp4netns ended with code 4: no way out' | diff - told
	local before after
	before=$(wc -l <1.err)
	reaches zerotrust 93.184.216.34 | grep -q 'Network is unreachable'
	reaches semitrusted 93.184.216.34 | diff told -
	after=$(wc -l <1.err)
	[ "$((after - before))" = 1 ]
}

@test "where nothing can connect them semitrusted jobs are refused, and told what is missing" {
	hide /usr/bin/pasta
	hide /usr/bin/slirp4netns
	host_serve
	request semitrusted "$FIXTURES/network/names.py"
	refuses 422 network_unavailable \
		'network_mode must be zerotrust: this host lacks the Debian package passt (or slirp4netns)' \
		POST /execute -H 'Content-Type: application/json' -d @request
	answers 200 GET /health
	jq -e '.semitrusted == null and .semitrusted_why == "this host lacks the Debian package passt (or slirp4netns)"' body
	grep -q 'semitrusted jobs are refused: this host lacks the Debian package passt' 1.err
	reaches zerotrust 93.184.216.34 | grep -q 'Network is unreachable'
	serve_stop
	rm -f socket
	echo "/dev/null /usr/sbin/nft" >covers
	host_serve
	answers 200 GET /health
	jq -e '.semitrusted_why == "this host lacks the Debian package nftables"' body
}

@test "without namespaces semitrusted jobs are refused" {
	host_serve --sandbox limits
	request semitrusted "$FIXTURES/network/names.py"
	refuses 422 network_unavailable \
		"network_mode must be zerotrust: without a full sandbox nothing limits a job's network" \
		POST /execute -H 'Content-Type: application/json' -d @request
}

@test "a spec's semitrusted cells are connected by the service that run brings along" {
	cat >s.yaml <<-'YAML'
		version: 1
		name: net
		jobs:
		  out:
		    language: python
		    network_mode: semitrusted
		    code: |
		      import socket
		      s = socket.create_connection(("93.184.216.34", 7777), 5)
		      s.send(b"hello")
		      print(s.recv(100).decode())
		    expect: { stdout: "93.184.216.34 hears 93.184.215.2\n" }
		  in:
		    language: python
		    code: |
		      import socket
		      socket.create_connection(("93.184.216.34", 7777), 5)
		    expect: { exit_code: 1, stderr: { contains: "Network is unreachable" } }
	YAML
	(in_host "$SANDBATCH" run s.yaml --output kept >out 2>err) || {
		cat out err
		return 1
	}
	verdicts kept >got
	printf 'out passed\nin passed\n' | diff - got
}

# doctor_says STATUS FILE -- what the doctor tells of semitrusted jobs in the host's namespace.
doctor_says() {
	local status=0
	(in_host timeout 60 "$SANDBATCH" doctor --class 'Semitrusted network') >told 2>err || status=$?
	sed -n '/^Semitrusted/,$s/  */ /gp' told >rows
	same rows "$2"
	[ "$status" = "$1" ] || {
		cat told err
		return 1
	}
}

@test "the doctor attacks what semitrusted jobs must not reach, and says what stops them" {
	doctor_says 0 "$FIXTURES/network/doctor.txt"
	grep -A 1 -x '  networking    semitrusted jobs go through pasta' told
}

@test "the doctor finds rules that are not there" {
	cover /usr/sbin/nft 'cat >/dev/null'
	doctor_says 1 "$FIXTURES/network/doctor_no_rules.txt"
}

# local_ports FIRST LAST -- which ports the host's namespace gives who asks for any.
local_ports() {
	ip netns exec "${NET}host" sh -c "echo $1 $2 >/proc/sys/net/ipv4/ip_local_port_range"
}

@test "the doctor finds ports that lead into a job" {
	local open status=0
	open=$(mktemp -d /tmp/pasta.XXXXXX) # where a forwarder may look
	chmod 755 "$open"
	cp /usr/bin/pasta "$open"
	# of the ports that anybody is given those for listening are odd, if there are any left
	# shellcheck disable=SC2016 # for the script
	cover /usr/bin/pasta "exec $open/"'$(echo pasta "$@" | sed "s/-ports none/-ports $(seq -s , 45001 2 45127)/g")'
	local_ports 45000 45127
	doctor_says 1 "$FIXTURES/network/doctor_open.txt" || status=1
	local_ports 32768 60999
	rm -r "$open"
	[ "$status" = 0 ]
}

@test "the doctor tells which packages semitrusted jobs lack, and why they are not connected" {
	hide /usr/bin/pasta
	hide /usr/bin/slirp4netns
	hide /usr/sbin/nft
	doctor_says 0 "$FIXTURES/network/doctor_lacks.txt"
	grep -A 1 -x '  networking    semitrusted jobs cannot be connected' told >out
	grep -x '  *this host lacks the Debian packages passt (or slirp4netns) and nftables' out
	: >covers
	cover /usr/bin/pasta 'exit 3'
	cover /usr/bin/slirp4netns 'echo no way out >&2; exit 4'
	doctor_says 0 "$FIXTURES/network/doctor_broken.txt"
}
