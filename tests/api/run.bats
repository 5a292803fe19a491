#!/usr/bin/env bats
load common

# source TEXT -- curl's options for a source text.
source_is() {
	SOURCE=(-H 'Content-Type: text/plain' --data-binary "$1")
}

@test "/run answers with the result and the language it detected" {
	fake_start
	source_is $'#!/usr/bin/env python3\nprint("hi")\n'
	answers 200 POST /run "${SOURCE[@]}"
	jq -e '.success and .language == "python" and .detected_language == "python"' body
	jq -e '.stdout == "#!/usr/bin/env python3\nprint(\"hi\")\n"' body
	grep -q '"total_time_ms":[0-9]*,"detected_language":"python"' body
	answers 200 POST /run -H 'Content-Type: text/plain; charset=utf-8' --data-binary $'#!/bin/bash\n'
	jq -e '.detected_language == "bash"' body
	json hi
	answers 200 POST /execute "${JSON[@]}"
	jq -e 'has("detected_language") | not' body
}

@test "/run/async gives an id, and the job says later what was detected, after a restart too" {
	fake_start
	source_is $'#!/usr/bin/perl -w\nprint 1;'
	answers 200 POST /run/async "${SOURCE[@]}"
	jq -e '.status == "pending"' body
	ID=$(jq -r .job_id body)
	answers 200 GET "/jobs/$ID?wait=10"
	jq -e '.result.detected_language == "perl"' body
	source_is $'#!/usr/bin/perl -w\n# sleepy'
	answers 200 POST /run/async "${SOURCE[@]}"
	ID=$(jq -r .job_id body)
	serve_crash
	fake_start --data "$PWD/serve.1.data"
	answers 200 GET "/jobs/$ID?wait=10"
	jq -e '.result.detected_language == "perl" and .status == "completed"' body
}

@test "options stand in the query" {
	fake_start
	source_is $'#!/bin/sh\n'
	answers 200 POST '/run?network_mode=semitrusted&ttl=5&return_artifact=false&return_wasm_artifact=false&env=%7B%22A%22%3A%22b+c%22%7D' \
		"${SOURCE[@]}"
	jq -e '.network_mode == "semitrusted"' body
}

@test "a wrong option is 400 and named" {
	fake_start
	source_is $'#!/bin/sh\n'
	local row
	for row in 'ttl=0 ^ttl ' 'ttl=901 ^ttl ' 'ttl=soon ^ttl ' 'ttl=1.5 ^ttl ' 'ttl= ^ttl ' \
		'network_mode=open ^network_mode ' 'return_artifact=yes ^return_artifact ' \
		'return_wasm_artifact=1 ^return_wasm_artifact ' 'env=x ^env' 'env=%5B%5D ^env' \
		'env=%7B%22A%22%3A1%7D ^env' 'env=%7B%7D%2C%22ttl%22%3A5 ^env' \
		'ttl=5%002 the.query.of.a.URL.must.not.hold'; do
		answers 400 POST "/run?${row%% *}" "${SOURCE[@]}"
		jq -e --arg want "${row#* }" '.code == "malformed_request" and (.error | test($want))' body
	done
}

@test "a source whose language cannot be told is 422 with the candidates" {
	fake_start
	for text in hello '' $'#!\n' $'#!/usr/bin/env\n' $'#!/opt/unheard-of\n'; do
		source_is "$text"
		answers 422 POST /run "${SOURCE[@]}"
		jq -e '.success == false and .code == "undetectable_language"' body
		jq -e '(.error | test("language")) and (.candidates | type == "array")' body
	done
}

@test "a source that is no text is 400, one that is no text/plain 415, one without length 411" {
	fake_start
	printf '#!/bin/sh\n\0' >zero
	refuses 400 malformed_request 'the source must be UTF-8 text without NUL' \
		POST /run -H 'Content-Type: text/plain' --data-binary @zero
	refuses 415 unsupported_media_type "Content-Type must be text/plain, not 'application/json'" \
		POST /run -H 'Content-Type: application/json' -d '{}'
	refuses 411 length_required '/run needs a body with its Content-Length' POST /run
	refuses 405 method_not_allowed '/run/async takes POST, not GET' GET /run/async
}
