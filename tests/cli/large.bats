#!/usr/bin/env -S bats --tap
# Artifacts past a megabyte travel by their path, beside the JSON.
load common

# The program's 5 MB can be made here just as well.
spec() {
	cat >s.yaml <<'END'
version: 1
jobs:
  large:
    language: bash
    code: |
      mkdir -p out
      seq 1 1000000 | head -c 5242880 >"out/large one.txt"
      seq 1 10 >out/small.txt
    artifacts: [ "out/*" ]
    expect:
      artifacts: [ { name: "out/large one.txt", min_bytes: 5242880 } ]
  user:
    language: bash
    needs: large
    files: [ { from: large, artifact: out/small.txt, as: small.txt } ]
    code: cat small.txt
    expect: { stdout: "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n" }
END
	seq 1 1000000 | head -c 5242880 >large
}

@test "an artifact of 5 MB arrives whole, and the answer that tells it is small" {
	spec
	serve_start
	exits 0 sandbatch run s.yaml --endpoint "$URL" --output run
	cmp large "run/jobs/large/artifacts/out/large one.txt"
	seq 1 10 | cmp - run/jobs/large/artifacts/out/small.txt
	local id path
	id=$(jq -rs 'map(select(.cell == "large" and .job_id) | .job_id) | .[0]' run/journal.jsonl)
	curl -sS "$URL/jobs/$id?inline_bytes=1048576" >lean
	[ "$(wc -c <lean)" -lt 2000 ]
	path=$(jq -r '.result.artifacts[] | select(.size == 5242880) | .path' lean)
	[ "$path" = "/jobs/$id/artifacts/out/large%20one.txt" ]
	[ "$(curl -sS "$URL$path" | sha256sum)" = "$(sha256sum <large)" ]
	[ "$(curl -sS "$URL/metrics" | sed -n 's/.*artifacts.* //p')" = 2 ]
}

@test "a job that is waited for is shown as one that is got, with all its bytes" {
	spec
	serve_start
	exits 0 sandbatch run s.yaml --endpoint "$URL" --output run
	local id
	id=$(jq -rs 'map(select(.cell == "large" and .job_id) | .job_id) | .[0]' run/journal.jsonl)
	exits 0 sandbatch jobs get "$id" --endpoint "$URL" --json
	mv out got
	exits 0 sandbatch jobs wait "$id" --endpoint "$URL" --json
	cmp got out
	exits 0 sandbatch jobs wait "$id" --endpoint "$URL"
	grep -qxF 'artifact out/large one.txt, 5242880 bytes' out
}

@test "with nowhere to put it the cell is an error that says where" {
	spec
	serve_start
	exits 4 env TMPDIR=/nowhere sandbatch run s.yaml --endpoint "$URL" --output run
	jq -e '.cells[] | select(.cell == "large") | .reason | test("/nowhere/sandbatch")' run/summary.json
}
