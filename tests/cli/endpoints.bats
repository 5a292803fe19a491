#!/usr/bin/env -S bats --tap
# Several endpoints share a run; one that is gone, full or strange loses nothing.
load common

# fakes SLOTS... -- a service for each that runs nothing, and says its number; ENDPOINTS names them.
fakes() {
	local slots i=0
	ENDPOINTS=()
	URLS=()
	for slots; do
		printf '[{"match":"slow","delay_ms":300,"stdout":"%d\\n"}]' $((++i)) >"script.$i"
		serve_start --executor fake --script "script.$i" --slots "$slots"
		ENDPOINTS+=(--endpoint "$URL")
		URLS+=("$URL")
	done
}

# cells N -- a spec of so many cells in s.yaml.
cells() {
	cat >s.yaml <<-SPEC
		version: 1
		jobs:
		  cell:
		    language: bash
		    code: "slow \${{ matrix.n }}"
		    matrix: { n: [$(seq -s, "$1")] }
	SPEC
}

@test "two endpoints share the cells by their workers" {
	fakes 4 12
	cells 32
	exits 0 sandbatch run s.yaml --output kept "${ENDPOINTS[@]}"
	test "$(verdicts kept | grep -c ' passed$')" -eq 32
	test "$(cat kept/jobs/*/stdout | grep -c 1)" -eq 8
	jq -e --arg all "${URLS[0]}, ${URLS[1]}" '.endpoint == $all' kept/summary.json
}

@test "an endpoint that dies midway loses nothing, and is told once" {
	fakes 4 4
	cells 60
	"$SANDBATCH" run s.yaml --output kept "${ENDPOINTS[@]}" >out 2>err 3>&- &
	runner=$!
	eventually grep -q '"ended"' kept/journal.jsonl
	kill -9 "${SERVICES[0]}"
	status=0
	wait $runner || status=$?
	cat err
	test $status -eq 0
	test "$(verdicts kept | grep -c ' passed$')" -eq 60
	test "$(grep -c "^sandbatch: ${URLS[0]} is left out" err)" -eq 1
}

@test "a run that was killed finds its jobs at each of its endpoints" {
	fakes 4 4
	cells 40
	"$SANDBATCH" run s.yaml --output kept "${ENDPOINTS[@]}" >out 2>err 3>&- &
	runner=$!
	eventually grep -q '"ended"' kept/journal.jsonl
	kill -9 $runner
	wait $runner || true
	exits 0 sandbatch run --resume=kept
	test "$(verdicts kept | grep -c ' passed$')" -eq 40
	jq -e '[.cells[].attempts] | max == 1' kept/summary.json
}

@test "an endpoint that is not there from the start is left out" {
	fakes 4
	cells 3
	exits 0 sandbatch run s.yaml --output kept --endpoint "unix:$PWD/nothing" "${ENDPOINTS[@]}"
	grep -x "sandbatch: unix:$PWD/nothing is left out: .*No such file or directory.*" err
	exits 4 sandbatch run s.yaml --endpoint "unix:$PWD/nothing" --endpoint "unix:$PWD/neither"
	grep "^sandbatch: cannot reach unix:$PWD/neither: " err
}

@test "an endpoint named twice is a mistake" {
	exits 2 sandbatch languages --endpoint http://a --endpoint http://a
	grep -x 'sandbatch: --endpoint http://a is given twice' err
}

# keys ROW -- a service that runs nothing, with a key that has these limits.
keys() {
	printf 'keys:\n  - { name: cs101, secret_sha256: "%s", %s }\n' "$(printf secret | sha256sum | cut -d' ' -f1)" "$1" >keys.yml
	chmod 600 keys.yml
	echo '[{"match":"slow","delay_ms":50}]' >script
	serve_start --executor fake --script script --slots 8 --keys keys.yml
	export UNSANDBOX_API_KEY=secret
}

@test "a key with few places only slows a run" {
	keys 'concurrency: 2, queue: 0'
	cells 20
	exits 0 sandbatch run s.yaml -j 20 --output kept --endpoint "$URL"
	test "$(verdicts kept | grep -c ' passed$')" -eq 20
	jq -e '[.cells[].attempts] | max == 1' kept/summary.json
}

@test "a key with few requests a minute only slows a run" {
	keys 'rate_per_minute: 300'
	cells 320
	exits 0 sandbatch run s.yaml -j 400 --output kept --endpoint "$URL"
	test "$(verdicts kept | grep -c ' passed$')" -eq 320
}
