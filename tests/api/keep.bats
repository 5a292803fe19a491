#!/usr/bin/env bats
load common

@test "--keep forgets jobs that ended longer ago, and none that has not ended" {
	fake_start --keep 1s
	submit forever
	local forever=$ID
	submit hi
	answers 200 GET "/jobs/$ID?wait=10"
	eventually answers 404 GET "/jobs/$ID"
	answers 200 GET "/jobs/$forever"
}

@test "--keep-bytes forgets the oldest" {
	fake_start --keep-bytes 1000000
	local code
	code=$(printf 'x%.0s' {1..100000})
	submit "$code"
	local first=$ID
	for _ in {1..15}; do submit "$code"; done
	eventually answers 404 GET "/jobs/$first"
	exits 2 "$SANDBATCH" serve --executor fake --data "$PWD/o" --keep soon
	exits 2 "$SANDBATCH" serve --executor fake --data "$PWD/o" --keep 0d
}
