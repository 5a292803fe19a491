#!/usr/bin/env bats
load common

@test "what is no path is 404" {
	fake_start
	refuses 404 not_found 'there is no / here' GET /
	refuses 404 not_found 'there is no /execute/ here' POST /execute/
	refuses 404 not_found 'there is no /jobs/ here' GET /jobs/
	refuses 404 not_found 'there is no /jobs/a/b here' GET /jobs/a/b
	refuses 404 not_found 'there is no /healthy here' GET /healthy
}

@test "a path that takes other methods is 405 and tells them" {
	fake_start
	refuses 405 method_not_allowed '/execute takes POST, not GET' GET /execute
	has_header 'Allow: POST'
	refuses 405 method_not_allowed '/jobs/x takes GET, HEAD, DELETE, not PUT' PUT /jobs/x
	has_header 'Allow: GET, HEAD, DELETE'
	refuses 405 method_not_allowed '/health takes GET, HEAD, not POST' POST /health -d x
	has_header 'Allow: GET, HEAD'
}

@test "a whole URL as the target, as a proxy is sent it, is its path, whatever host it names" {
	fake_start
	answers 200 GET /health --request-target "$URL/health"
	answers 200 GET /jobs --request-target 'HTTP://elsewhere.example:1/jobs?limit=1'
	refuses 400 malformed_request 'the query of a URL must not hold %00' GET / --request-target 'http://a/jobs?b=%00'
	refuses 404 not_found 'there is no / here' GET / --request-target http://elsewhere.example
	refuses 404 not_found 'there is no http:///health here' GET / --request-target http:///health
}

@test "HEAD is GET without its body" {
	fake_start
	[ "$(curl -s -m 20 -I -o head -w '%{http_code}' "$URL/health")" = 200 ]
	tr -d '\r' <./head >head.text
	has_header 'Sandbatch-Version: 1'
}

@test "a body that is not JSON is 400 and says where" {
	fake_start
	local type=(-H 'Content-Type: application/json')
	answers 400 POST /execute "${type[@]}" -d '{"language":"bash"'
	jq -e '.code == "malformed_request" and (.error | test("at byte 18"))' body
	answers 400 POST /execute "${type[@]}" -d ''
	answers 400 POST /execute "${type[@]}" -d '[]'
	answers 400 POST /execute "${type[@]}" -d '{"language":"bash","code":"\ud800"}'
}

@test "a wrong field is 400 and named" {
	fake_start
	local type=(-H 'Content-Type: application/json')
	answers 400 POST /execute "${type[@]}" -d '{"language":"bash","code":1}'
	jq -e '.code == "malformed_request" and (.error | test("^code "))' body
	answers 400 POST /execute "${type[@]}" -d '{"language":"bash","code":"","ttl":901}'
	jq -e '.error | test("^ttl ")' body
	answers 400 POST /execute "${type[@]}" -d '{"code":""}'
	jq -e '.error | test("language")' body
	answers 400 POST /execute/async "${type[@]}" -d '{"language":"bash"}'
	jq -e '.error | test("code")' body
}

@test "a bad wait is 400" {
	fake_start
	for wait in 61 -1 soon 1.5 ''; do
		refuses 400 malformed_request "wait must be 0 to 60 seconds, not '$wait'" GET "/jobs/x?wait=$wait"
	done
}

@test "what is no Bearer key is 401" {
	fake_start
	refuses 401 unauthorized "Authorization must be 'Bearer KEY'" GET /jobs -H 'Authorization: Basic eDp5'
	json hi
	refuses 401 unauthorized "Authorization must be 'Bearer KEY'" POST /execute "${JSON[@]}" -H 'Authorization: Basic eDp5'
	answers 200 GET /health -H 'Authorization: Basic eDp5'
}

@test "any key is accepted on loopback, signed or not" {
	fake_start
	answers 200 POST /keys/validate
	answers 200 POST /keys/validate -H 'Authorization: Bearer unsb-sk-x'
	answers 200 POST /keys/validate -H 'Authorization: Bearer unsb-pk-x' -H 'X-Timestamp: 1' -H 'X-Signature: 00'
	jq -e '.valid and .anonymous and .limits.memory_mb == 1024' body
}

@test "a body without a length is 411" {
	fake_start
	refuses 411 length_required '/execute needs a body with its Content-Length' POST /execute
}

@test "where a body's length is told twice nothing after it is taken for a request" {
	fake_start
	local twice
	for twice in 'Content-Length: 0\r\nContent-Length: 40' 'Content-Length: 0\r\nContent-Length: 0' \
		'Transfer-Encoding: chunked\r\nContent-Length: 40' 'content-length: 40\r\ntransfer-encoding: identity'; do
		perl_socket 'print $s "POST /keys/validate HTTP/1.1\r\nHost: x\r\n'"$twice"'\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n";
			print while <$s>' >told
		[ "$(grep -c '^HTTP/1.1' told)" -eq 1 ]
		grep '^HTTP/1.1 400' told
		grep 'the length of the body is told more than once' told
	done
	answers 200 GET /health
}

@test "a body of another type is 415" {
	fake_start
	refuses 415 unsupported_media_type "Content-Type must be application/json, not 'text/plain'" \
		POST /execute -H 'Content-Type: text/plain' -d '{"language":"bash","code":""}'
}

@test "a body that is too large is 413, however it is sent" {
	fake_start
	head -c 33554433 /dev/zero >large
	local told='the body is 33554433 bytes, and at most 33554432 are taken'
	local type=(-H 'Content-Type: application/json' --data-binary @large)
	refuses 413 too_large "$told" POST /execute "${type[@]}"
	refuses 413 too_large "$told" POST /execute "${type[@]}" -H 'Expect:'
	refuses 413 too_large 'the body is larger than 33554432 bytes' POST /execute "${type[@]}" \
		-H 'Expect:' -H 'Transfer-Encoding: chunked'
	answers 200 GET /health
}

@test "input files past their limits are 413" {
	fake_start
	{
		printf '{"language":"bash","code":"","input_files":[{"filename":"a","content":"'
		head -c 5242881 /dev/zero | base64 -w 0
		printf '"}]}'
	} >large
	answers 413 POST /execute -H 'Content-Type: application/json' --data-binary @large
	jq -e '.code == "too_large"' body
}

@test "an unknown language is 422" {
	fake_start
	refuses 422 unsupported_language "the language 'klingon' is not known; GET /languages lists those that are" \
		POST /execute -H 'Content-Type: application/json' -d '{"language":"klingon","code":""}'
}

@test "a language whose toolchain is missing is 422 with the package that brings it" {
	cat >languages.yml <<'YAML'
languages:
  - name: dream
    filename: main.dream
    run: [dreamc, "{source}"]
    needs: [dreamc]
    package: dream-utils
YAML
	fake_start --languages languages.yml
	refuses 422 toolchain_missing "dream needs 'dreamc', which is not installed here: apt-get install dream-utils" \
		POST /execute -H 'Content-Type: application/json' -d '{"language":"dream","code":""}'
	answers 200 GET /languages
	jq -e '.languages == []' body
}

@test "what is not HTTP does no harm" {
	fake_start
	local address=${URL#http://}
	exec 9<>"/dev/tcp/${address%:*}/${address#*:}"
	head -c 100000 /dev/urandom >&9 || true
	exec 9>&-
	answers 200 GET /health
}

@test "/health and /languages tell what is here" {
	fake_start --slots 3
	answers 200 GET /health
	jq -e '.status == "ok" and .slots == 3 and .pending == 0 and .running == 0' body
	answers 200 GET /languages
	grep -q '^{"languages":\["' body
	jq -e '.languages | index("bash")' body
}
