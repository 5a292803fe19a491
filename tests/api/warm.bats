#!/usr/bin/env -S bats --tap
# Interpreters that wait: for whose jobs, and which jobs start one of their own.
load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	serve_start --slots 1
}

# runs MODE STDOUT LANGUAGE CODE [FIELDS [CURL OPTION...]] -- a job, in that execution mode, prints that.
runs() {
	jq -cn --arg language "$3" --arg code "$4" --argjson more "${5:-{\}}" '{$language, $code} + $more' >request
	answers 200 POST /execute -H 'Content-Type: application/json' --data-binary @request "${@:6}"
	[ "$(jq -r '.execution_mode + " " + .stdout + .stderr' body)" = "$1 $2" ] || {
		cat body
		return 1
	}
}

@test "after two jobs of a kind the next ones are forks of an interpreter that has started" {
	runs pooled 1 python 'print(1)'
	runs pooled 2 python 'print(2)'
	runs warm 3 python 'print(3)'
	runs warm "['main.py', 'a b'] 7" python 'import os, sys; print(sys.argv, os.environ["X"])' '{"args":["a b"],"env":{"X":"7"}}'
	runs warm in python 'print(input())' '{"stdin":"in\n"}'
	runs pooled 1 ruby 'p 1'
	runs pooled 2 ruby 'p 2'
	runs warm '["x"]' ruby 'p ARGV' '{"args":["x"]}'
	runs pooled 4 python 'print(4)'
}

@test "a job whose variables or files would have it start otherwise starts one of its own" {
	runs pooled 1 python 'print(1)'
	runs pooled 2 python 'print(2)'
	runs warm 3 python 'print(3)'
	runs pooled 'True 1' python 'import sys; print(sys.dont_write_bytecode, 1)' '{"env":{"PYTHONDONTWRITEBYTECODE":"1"}}'
	runs pooled UTC python 'import time; print(time.tzname[0])' '{"env":{"TZ":"UTC"}}'
	runs pooled 1 python 'print(1)' '{"input_files":[{"filename":".local","content":"eA=="}]}'
	runs pooled other.py python 'import sys; print(sys.argv[0])' '{"filename":"other.py"}'
	runs warm 4 python 'print(4)'
}

@test "no key's job is a fork of an interpreter that waited for another's" {
	local ask='print(hash("x"), id(object()))' mine theirs
	local a=(-H 'Authorization: Bearer a') b=(-H 'Authorization: Bearer b')
	runs pooled 1 python 'print(1)' '{}' "${a[@]}"
	runs pooled 1 python 'print(1)' '{}' "${a[@]}"
	answers 200 POST /execute -H 'Content-Type: application/json' "${a[@]}" -d "$(jq -cn --arg code "$ask" '{language: "python", $code}')"
	mine=$(jq -r .stdout body)
	runs warm "${mine%$'\n'}" python "$ask" '{}' "${a[@]}"
	runs pooled 1 python 'print(1)' '{}' "${b[@]}"
	runs pooled 1 python 'print(1)' '{}' "${b[@]}"
	answers 200 POST /execute -H 'Content-Type: application/json' "${b[@]}" -d "$(jq -cn --arg code "$ask" '{language: "python", $code}')"
	theirs=$(jq -r 'select(.execution_mode == "warm") | .stdout' body)
	[ -n "$theirs" ] && [ "$mine" != "$theirs" ]
}

@test "--no-warm, or a table of languages that does not say how, has each job start its own" {
	serve_stop
	serve_start --slots 1 --no-warm
	for n in 1 2 3 4; do runs pooled $n python "print($n)"; done
	serve_stop
	sed '/^    warm/d' "$TOP/etc/languages.yml" >languages.yml
	serve_start --slots 1 --languages languages.yml
	for n in 1 2 3 4; do runs pooled $n python "print($n)"; done
}
