#!/usr/bin/env bats
load common

# keys_file ROW... -- keys.yml of these rows.
keys_file() {
	printf 'keys:\n' >keys.yml
	printf '  - %s\n' "$@" >>keys.yml
	chmod 600 keys.yml
}

# A service with a key of this name and these terms, and the header for it in BEARER.
keyed_start() {
	keys_file "{ name: course, secret_sha256: $(printf abc | sha256sum | cut -d' ' -f1)${1:+, $1} }" \
		'{ name: ci, public: unsb-pk-1, secret: unsb-sk-1 }'
	BEARER=(-H 'Authorization: Bearer abc')
	fake_start --keys keys.yml "${@:2}"
}

# sign METHOD TARGET BODY [TIME] -- curl's options for a signed request.
sign() {
	local at=${4:-$(date +%s)} hex
	hex=$(printf '%s:%s:%s:%s' "$at" "$1" "$2" "$3" | openssl dgst -sha256 -hmac unsb-sk-1 -r | cut -d' ' -f1)
	SIGNED=(-H 'Authorization: Bearer unsb-pk-1' -H "X-Timestamp: $at" -H "X-Signature: $hex")
}

@test "with keys, a caller without one is refused, and /health is not asked for one" {
	keyed_start
	refuses 401 unauthorized "a key is needed here: 'Authorization: Bearer KEY'" GET /jobs
	has_header 'WWW-Authenticate: Bearer'
	refuses 401 unauthorized 'the key is not known here' GET /jobs -H 'Authorization: Bearer abd'
	answers 200 GET /health
	answers 200 GET /languages
	answers 200 GET /jobs "${BEARER[@]}"
	json hi
	answers 401 POST /execute "${JSON[@]}"
	answers 200 POST /execute "${JSON[@]}" "${BEARER[@]}"
}

@test "signed requests are taken, changed ones are not" {
	keyed_start
	local body='{"language":"bash","code":"hi"}' type=(-H 'Content-Type: application/json')
	sign POST /execute "$body"
	answers 200 POST /execute "${type[@]}" -d "$body" "${SIGNED[@]}"
	answers 401 POST /execute "${type[@]}" -d "$body " "${SIGNED[@]}"
	answers 401 POST /execute/async "${type[@]}" -d "$body" "${SIGNED[@]}"
	answers 401 POST '/execute?x=1' "${type[@]}" -d "$body" "${SIGNED[@]}"
	sign GET '/jobs?a=%41&b' ''
	answers 200 GET '/jobs?a=%41&b' "${SIGNED[@]}"
	answers 401 GET '/jobs?a=A&b' "${SIGNED[@]}"
	sign GET /jobs '' $(($(date +%s) - 310))
	answers 401 GET /jobs "${SIGNED[@]}"
	jq -e '.error | test("^X-Timestamp is 31. s off")' body
	refuses 401 unauthorized 'this key is a public one: its requests need X-Timestamp and X-Signature' \
		GET /jobs -H 'Authorization: Bearer unsb-pk-1'
	refuses 401 unauthorized 'the key is not known here' GET /jobs -H 'Authorization: Bearer unsb-sk-1'
}

@test "of a whole URL as the target, path and query are signed" {
	keyed_start
	sign GET '/jobs?a=1' ''
	answers 200 GET /jobs --request-target 'http://elsewhere.example/jobs?a=1' "${SIGNED[@]}"
	answers 401 GET /jobs --request-target 'http://elsewhere.example/jobs?a=2' "${SIGNED[@]}"
	answers 401 GET /jobs --request-target 'http://a%2Fjobs/jobs' "${SIGNED[@]}"
}

@test "our own client signs so" {
	keyed_start
	[ "$(sandbatch exec --endpoint "$URL" --public-key unsb-pk-1 --secret-key unsb-sk-1 -l bash - <<<hello)" = hello ]
	[ "$(sandbatch exec --endpoint "$URL" --api-key abc -l bash - <<<hello)" = hello ]
}

@test "a key sees its own jobs alone" {
	keyed_start
	submit forever "${BEARER[@]}"
	sign GET "/jobs/$ID" ''
	refuses 404 not_found 'there is no such job' GET "/jobs/$ID" "${SIGNED[@]}"
	eventually status_is running "${BEARER[@]}"
}

@test "past its rate a key is told 429 and how long to wait" {
	keyed_start 'rate_per_minute: 2'
	json hi
	answers 200 POST /execute "${JSON[@]}" "${BEARER[@]}"
	answers 200 POST /execute "${JSON[@]}" "${BEARER[@]}"
	answers 429 POST /execute "${JSON[@]}" "${BEARER[@]}"
	jq -e '.code == "rate_limit_exceeded"' body
	grep -qiE '^Retry-After: (29|30|31)$' head.text
	answers 200 GET /jobs "${BEARER[@]}"
}

@test "a key runs so many at once, the rest wait, and past its queue it is told 429" {
	keyed_start 'concurrency: 1, queue: 1' --slots 4
	submit forever "${BEARER[@]}"
	local first=$ID
	eventually status_is running "${BEARER[@]}"
	submit forever "${BEARER[@]}"
	answers 200 GET /health
	jq -e '.running == 1 and .pending == 1' body
	answers 429 POST /execute/async "${JSON[@]}" "${BEARER[@]}"
	jq -e '.code == "concurrency_limit_reached"' body
	grep -qiE '^Retry-After: [0-9]+$' head.text
	answers 200 DELETE "/jobs/$first" "${BEARER[@]}"
	eventually status_is running "${BEARER[@]}"
	answers 200 POST /execute/async "${JSON[@]}" "${BEARER[@]}"
}

@test "limits past the key's are 400, and validate tells them" {
	keyed_start 'rate_per_minute: 600, concurrency: 8, queue: 10000, limits: { memory_mb: 512 }'
	refuses 400 malformed_request 'limits.memory_mb must be at most 512 with this key, not 513' \
		POST /execute "${BEARER[@]}" -H 'Content-Type: application/json' \
		-d '{"language":"bash","code":"","limits":{"memory_mb":513}}'
	answers 200 POST /keys/validate "${BEARER[@]}"
	says '{"valid":true,"name":"course","anonymous":false,"concurrency":8,"queue":10000,"rate_per_minute":600,"max_ttl":900,"limits":{"memory_mb":512,"processes":128,"disk_mb":256,"output_bytes":1048576}}'
	answers 401 POST /keys/validate -H 'Authorization: Bearer x'
}

@test "SIGHUP reads the keys again, and a bad file leaves those that were" {
	keyed_start
	keys_file "{ name: other, secret_sha256: $(printf xyz | sha256sum | cut -d' ' -f1) }"
	kill -HUP "${SERVICES[0]}"
	eventually answers 200 GET /jobs -H 'Authorization: Bearer xyz'
	answers 401 GET /jobs "${BEARER[@]}"
	keys_file '{ name: other }'
	kill -HUP "${SERVICES[0]}"
	eventually grep -q 'the keys stay as they were' serve.1.err
	grep -q 'keys.yml:2:' serve.1.err
	answers 200 GET /jobs -H 'Authorization: Bearer xyz'
}

@test "keys new prints a key once, and the service takes it" {
	exits 0 sandbatch keys new cs101
	[[ $(cat out) =~ ^unsb-sk-[0-9a-f]{32}$ ]]
	[ "$(stat -c %a keys.yml)" = 600 ]
	not grep -qF "$(cat out)" keys.yml
	local secret
	secret=$(cat out)
	exits 0 sandbatch keys new ci --signed --keys keys.yml
	[ "$(wc -l <out)" = 2 ]
	fake_start --keys keys.yml
	answers 200 GET /jobs -H "Authorization: Bearer $secret"
	[ "$(sandbatch exec --endpoint "$URL" --public-key "$(sed -n 1p out)" --secret-key "$(sed -n 2p out)" \
		-l bash - <<<hello)" = hello ]
	exits 2 sandbatch keys new cs101
	exits 0 sandbatch keys list
	[ "$(awk '{ print $1, $2 }' out)" = $'cs101 bearer\nci signed' ]
	exits 0 sandbatch keys list --json
	jq -e '.keys | map(.name) == ["cs101", "ci"]' out
	exits 2 sandbatch keys old
}

@test "without a file of keys the list of them is refused in one sentence that says how to make it" {
	exits 2 sandbatch keys list
	[ ! -s out ]
	[ "$(cat err)" = "sandbatch: there is no file of keys 'keys.yml': --keys FILE names another, and \
'sandbatch keys new NAME' makes one" ]
	exits 2 sandbatch keys list --json --keys no/such.yml
	grep -qF "there is no file of keys 'no/such.yml': " err
	mkdir folder.yml
	exits 5 sandbatch keys list --keys folder.yml
}

@test "a file of keys with a mistake, or a secret for all to read, ends the start" {
	keys_file '{ name: a, secret: b }'
	exits 3 sandbatch serve --executor fake --data "$PWD/data" --listen 127.0.0.1:0 --keys keys.yml
	grep -q ' warn keys.yml:2:[0-9]*: a key must have ' err
	grep -q ' warn  *^$' err
	keys_file '{ name: a, public: a, secret: b }'
	chmod 644 keys.yml
	exits 2 sandbatch serve --executor fake --data "$PWD/data" --listen 127.0.0.1:0 --keys keys.yml
	grep -qF 'chmod 600 keys.yml' err
	exits 5 sandbatch serve --executor fake --data "$PWD/data" --listen 127.0.0.1:0 --keys absent.yml
	exits 2 sandbatch serve --executor fake --data "$PWD/data" --keys keys.yml --allow-anonymous
}

@test "with keys, an address for all may be listened on" {
	keyed_start '' --listen 0.0.0.0:0
	URL=http://127.0.0.1:${URL##*:} answers 200 GET /jobs "${BEARER[@]}"
}
