#!/usr/bin/env bats
load common

@test "a Unix socket works like TCP and is its owner's alone" {
	fake_start --listen "unix:$PWD/socket"
	[ "$URL" = "unix:$PWD/socket" ]
	[ "$(stat -c %a socket)" = 600 ]
	json hi
	[ "$(curl -s -m 20 --unix-socket socket "${JSON[@]}" http://localhost/execute | jq -r .stdout)" = hi ]
	serve_stop
	[ ! -e socket ]
}

@test "a socket left over from a dead service is replaced, one of a living service is not" {
	fake_start --listen "unix:$PWD/socket"
	exits 5 "$SANDBATCH" serve --executor fake --data "$PWD/other" --listen "unix:$PWD/socket"
	grep -qF "another service listens on unix:$PWD/socket" err
	serve_crash
	[ -S socket ]
	fake_start --listen "unix:$PWD/socket"
	curl -s -m 20 --unix-socket socket http://localhost/health | grep -q '"status":"ok"'
}

@test "a file that is no socket is not touched" {
	echo precious >socket
	exits 2 "$SANDBATCH" serve --executor fake --data "$PWD/data" --listen "unix:$PWD/socket"
	grep -qF 'socket is there already and is not a socket' err
	[ "$(cat socket)" = precious ]
}

@test "several addresses can be listened on" {
	fake_start --listen 127.0.0.1:0 --listen 'localhost:0' --listen "unix:$PWD/socket"
	[ "$(grep -c '^listening on ' serve.1.out)" = 3 ]
	while read -r _ _ URL; do
		case $URL in http*) answers 200 GET /health ;; esac
	done <serve.1.out
}

@test "IPv6 loopback works" {
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip 'this host has no IPv6'
	fake_start --listen '[::1]:0'
	[[ $URL =~ ^http://\[::1\]:[0-9]+$ ]]
	answers 200 GET /health
}

@test "an address for all is refused unless anonymous use is allowed" {
	for address in 0.0.0.0:0 '[::]:0'; do
		exits 2 "$SANDBATCH" serve --executor fake --data "$PWD/data" --listen "$address"
		grep -qF "listening on $address would let everyone who reaches it run programs here" err
		grep -qF -- --allow-anonymous err
	done
	fake_start --listen 0.0.0.0:0 --allow-anonymous
	URL=http://127.0.0.1:${URL##*:} answers 200 GET /health
}

@test "what is no address is told" {
	for address in 8080 localhost: :80 127.0.0.1:x ::1:80 127.0.0.1:70000 unix: nowhere.invalid:1; do
		exits 2 "$SANDBATCH" serve --executor fake --data "$PWD/data" --listen "$address"
		[ "$(wc -l <err)" = 1 ]
	done
}

@test "a script with a mistake is told" {
	echo '[{"match":"a"},{"delay_ms":"soon"}]' >script.json
	exits 2 "$SANDBATCH" serve --executor fake --data "$PWD/data" --listen 127.0.0.1:0 --script script.json
	grep -qF 'script.json: rule 2: delay_ms' err
}

@test "with a certificate and its key TCP speaks TLS" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	fake_start --tls-cert cert.pem --tls-key key.pem --listen 127.0.0.1:0 --listen "unix:$PWD/socket"
	[[ $URL =~ ^https://127 ]]
	json sleepy
	answers 200 POST /execute "${JSON[@]}" --cacert cert.pem
	jq -e '.stdout == "awake\n"' body
	not curl -s -m 5 "$URL/health"
	not curl -s -m 5 "http${URL#https}/health"
	curl -s -m 20 --unix-socket socket http://localhost/health | grep -q '"status":"ok"'
	exits 2 "$SANDBATCH" serve --executor fake --data "$PWD/o" --listen 127.0.0.1:0 --tls-cert cert.pem
	exits 2 "$SANDBATCH" serve --executor fake --data "$PWD/o" --listen 127.0.0.1:0 --tls-cert key.pem --tls-key key.pem
	grep -qF 'are these a PEM certificate and its key?' err
}
