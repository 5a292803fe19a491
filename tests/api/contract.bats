#!/usr/bin/env bats
# The contract's sentences, as a client of the real service sees them kept.
load common

TYPE=(-H 'Content-Type: application/json')

# runs REQUEST -- it is answered with 200; its result is in body.
runs() {
	answers 200 POST /execute "${TYPE[@]}" --data-binary "$1"
}

# bash_runs CODE [FIELDS] -- likewise, in bash; FIELDS are further members, as JSON without braces.
bash_runs() {
	runs "$(jq -nc --arg code "$1" "{language: \"bash\", code: \$code${2:+, $2}}")"
}

# is FILTER -- the result in body is so.
is() {
	jq -e "$1" body >/dev/null || {
		cat body
		return 1
	}
}

# wrong PATTERN BODY -- a 400 whose sentence fits.
wrong() {
	answers 400 POST /execute "${TYPE[@]}" --data-binary "$2"
	jq -e --arg p "$1" '.code == "malformed_request" and (.error | test($p))' body >/dev/null || {
		cat body
		return 1
	}
}

@test "a program has its env, stdin and args, and no other environment of ours" {
	SECRET=ours serve_start
	# shellcheck disable=SC2016
	bash_runs 'cat; echo "$A-$B-${SECRET-none}"; printf "<%s>" "$@"' \
		'env: {A: "ä b", B: ""}, stdin: "in\n", args: ["x y", ""]'
	is '.success and .stdout == "in\nä b--none\n<x y><>" and .stderr == "" and .error == null and .exit_code == 0'
	bash_runs 'od -An -tx1' 'stdin: {base64: "AP8K"}'
	is '.stdout == " 00 ff 0a\n"'
	is '.language == "bash" and .network_mode == "zerotrust" and .artifacts == []'
}

@test "input files lie in /tmp, by name or by number, for that job alone" {
	serve_start --slots 1
	bash_runs 'pwd; ls; cat a.txt; cat /tmp/1; cat sub/deep/b' \
		'input_files: [{filename: "a.txt", content: "YQo="}, {content: "Ygo="}, {path: "sub/deep/b", content: "Ywo="}]'
	is '.stdout == "/tmp\n1\na.txt\nmain.sh\nsub\na\nb\nc\n"'
	bash_runs 'ls -A; echo left >/tmp/left'
	is '.stdout == "main.sh\n"'
	bash_runs 'ls -A'
	is '.stdout == "main.sh\n"'
	mkdir tree && echo one >tree/one
	bash_runs 'cat tree/one; ls' "input_files: [{filename: \"t.tar\", extract: true, content: \"$(tar c tree | base64 -w 0)\"}]"
	is '.stdout == "one\nmain.sh\ntree\n"'
}

@test "names of input files are held to their rules" {
	fake_start
	local name
	for name in a/b .. a..b '' . /etc/passwd "$(printf 'n%.0s' {1..256})" "$(printf 'ä%.0s' {1..128})"; do
		wrong '^input_files\[0\]' "$(jq -nc --arg n "$name" '{language: "bash", code: "", input_files: [{filename: $n, content: ""}]}')"
	done
	for name in ../a /a a/../b a//b a/./b; do
		wrong '^input_files\[0\]' "$(jq -nc --arg n "$name" '{language: "bash", code: "", input_files: [{path: $n, content: ""}]}')"
	done
	name=$(printf 'n%.0s' {1..255})
	runs "$(jq -nc --arg n "$name" '{language: "bash", code: "hi", input_files: [{filename: $n, content: ""}]}')"
	wrong '^input_files\[1\]' '{"language":"bash","code":"","input_files":[{"filename":"a","content":""},{"filename":"a","content":""}]}'
	wrong 'input_files\[0\].content must be base64' '{"language":"bash","code":"","input_files":[{"content":"*"}]}'
	wrong 'input_files\[0\].content must be given' '{"language":"bash","code":"","input_files":[{"filename":"a"}]}'
}

@test "at most 10 files, and 10 MB of them" {
	fake_start
	answers 413 POST /execute "${TYPE[@]}" --data-binary \
		"$(jq -nc '{language: "bash", code: "", input_files: [range(11) | {content: ""}]}')"
	is '.code == "too_large" and (.error | test("^input_files "))'
	runs "$(jq -nc '{language: "bash", code: "hi", input_files: [range(10) | {content: ""}]}')"
	head -c 5242880 /dev/zero | base64 -w 0 >five
	printf '{"language":"bash","code":"hi","input_files":[{"content":"%s"},{"content":"%s"}]}' "$(cat five)" "$(cat five)" >ten
	answers 200 POST /execute "${TYPE[@]}" --data-binary @ten
	jq -c '.input_files += [{content: "YQ=="}]' ten >over
	answers 413 POST /execute "${TYPE[@]}" --data-binary @over
	is '.error | test("10485760 bytes together, not 10485761")'
}

@test "how a program ended is told" {
	serve_start
	bash_runs 'echo out; echo err >&2; exit 3'
	is '(.success | not) and .exit_code == 3 and .stdout == "out\n" and .stderr == "err\n" and .error == null
		and .status == "completed" and .limit == null and .signal == null'
	bash_runs 'kill -TERM $$'
	is '(.success | not) and .exit_code == 143 and .signal == 15 and .status == "completed"'
	bash_runs 'echo so far; sleep 30' 'ttl: 1'
	is '(.success | not) and .exit_code == -1 and .stdout == "so far\n" and .status == "timeout" and .limit == "ttl"
		and (.error | type == "string")'
}

@test "the limit that fired first is told, and those that are dropped" {
	serve_start
	bash_runs 'while :; do :; done' 'limits: {cpu_seconds: 0.3}'
	is '.status == "timeout" and .limit == "cpu" and .cpu_time_ms >= 200 and .exit_code == -1'
	runs '{"language":"python","code":"x = bytearray(200 << 20)\nprint(len(x))","limits":{"memory_mb":64}}'
	is '.limit == "memory" and (.success | not)'
	bash_runs 'head -c 3000000 /dev/zero >big' 'limits: {disk_mb: 1}'
	is '.limit == "disk" and (.success | not)'
	bash_runs 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait; echo on' 'limits: {processes: 4}'
	is '.limit == "processes"'
	bash_runs 'printf "%0100d" 0; printf "%020d" 1 >&2' 'limits: {output_bytes: 10}'
	is '.success and .stdout == "0000000000" and .stderr == "0000000000" and .stdout_truncated and .stderr_truncated
		and .limit == "output"'
	bash_runs 'echo hi'
	is '.limit == null and (.stdout_truncated or .stderr_truncated | not) and .peak_memory_bytes > 0'
}

@test "a compile that fails has completed, with the compiler's words" {
	serve_start
	runs '{"language":"cpp","code":"int main() { return x; }"}'
	is '(.success | not) and .status == "completed" and .exit_code != 0 and (.stderr | test("x.*not declared"))
		and .compile.exit_code == .exit_code and (.compile.cached | not)'
	runs '{"language":"cpp","code":"#ifndef N\n#define N 1\n#endif\nint main() { return N; }","compile_args":["-DN=4"],"filename":"other.cpp"}'
	is '.exit_code == 4 and .compile.exit_code == 0'
}

@test "files that a program made are collected, never through a link" {
	serve_start
	bash_runs 'mkdir out; echo a >out/a.txt; echo b >b.log; ln -s /etc/passwd out/c.txt; ln -s /etc d' \
		'artifact_paths: ["out/*.txt", "*.log", "d/passwd"]'
	is '.success and ([.artifacts[].filename] | sort) == ["b.log", "out/a.txt"]'
	is '[.artifacts[] | select(.filename == "b.log") | .content_base64] == ["Ygo="]'
}

@test "output that is no text has U+FFFD for each byte that is none, and for NUL" {
	serve_start
	bash_runs 'printf "a\0b\377c\303\244"; printf "\300\200" >&2'
	printf 'a\357\277\275b\357\277\275c\303\244' >want
	jq -j .stdout body | cmp - want
	is '.stderr == "\ufffd\ufffd"'
	ID=$(jq -r .job_id body)
	answers 200 GET "/jobs/$ID/stdout"
	printf 'a\0b\377c\303\244' | cmp - body
}

@test "JSON is taken as it is written, not as it might have been meant" {
	fake_start
	local code='{"language":"bash","code":"hi"'
	runs "$code,\"TTL\":\"x\",\"Ttl\":0,\"unknown\":{\"a\":[1,null]}}"
	is '.stdout == "hi"'
	wrong '^code must be given' '{"language":"bash","Code":"hi"}'
	wrong 'code' "$code,\"code\":\"other\"}"
	wrong '^ttl ' "$code,\"ttl\":9007199254740993}"
	wrong '.' "$code,\"ttl\":1e400}"
	wrong '^ttl ' "$code,\"ttl\":4294967297}"
	wrong '^ttl ' "$code,\"ttl\":\"60\"}"
	wrong '.' '{"language":"bash","code":"a\u0000b"}'
	wrong '.' '{"language":"bash","code":"a\qb"}'
	wrong '.' '{"language":"bash","code":"a\ud83d"}'
	wrong '.' "$code} x"
	wrong '.' "$code,}"
	printf '{"language":"bash","code":"a\377b"}' >latin
	answers 400 POST /execute "${TYPE[@]}" --data-binary @latin
	printf '{"language":"bash","code":"a\0b"}' >nul
	answers 400 POST /execute "${TYPE[@]}" --data-binary @nul
	wrong '.' "$(printf '[%.0s' {1..5000})"
	runs '{"language":"sh","code":"hi"}'
	runs '{"language":"shell","code":"hi"}'
	is '.language == "sh"'
}

# The table with all of its languages, as if each were installed.
all_languages() {
	cp -R "$BUILD/etc/." .
	sed -i -E 's/^    needs: .*/    needs: [sh]/' languages.yml
	fake_start --languages languages.yml
}

# told LANGUAGE SOURCE -- /run says so.
told() {
	answers 200 POST /run -H 'Content-Type: text/plain' --data-binary "$2"
	jq -e --arg l "$1" '.detected_language == $l and .language == $l' body >/dev/null || {
		cat body
		return 1
	}
}

@test "the published examples' sources are told by their text, others by their first line" {
	all_languages
	told clojure '(println "Hello from Clojure!")'
	told prolog $':- initialization(main).\nmain :- write(\'Hello from Prolog!\'), nl, halt.'
	told python $'#!/usr/bin/env python3\nputs 1'
	told ruby $'#!/usr/bin/ruby -w\n(println 1)'
	told perl $'#!/usr/bin/env -S A=1 perl -w\nprint 1'
	told bash $'#!/bin/bash\r\nhi'
	answers 422 POST /run -H 'Content-Type: text/plain' --data-binary 'print("hello")'
	is '.code == "undetectable_language" and (.success | not) and (.candidates | type == "array")'
}
