#!/usr/bin/env -S bats --tap
# The jobs of an endpoint: listed, fetched, awaited, cancelled.
load common

submit() {
	curl -sS -H 'Content-Type: application/json' -d "{\"language\":\"bash\",\"code\":\"$1\",\"ttl\":60}" \
		"$URL/execute/async" | jq -r .job_id
}

@test "jobs lists what waits and runs, gets, awaits and cancels" {
	serve_start --slots 1
	long=$(submit 'sleep 50')
	short=$(submit 'echo hi there; exit 3')
	exits 0 sandbatch jobs list --endpoint "$URL"
	grep "^$long  20.*  bash$" out
	grep "^$short  20.*  pending  bash$" out
	exits 0 sandbatch jobs list --json --endpoint "$URL"
	jq -e '.jobs | length == 2' out
	exits 0 sandbatch jobs get "$short" --endpoint "$URL"
	grep "^$short  pending$" out
	exits 0 sandbatch jobs cancel "$long" --endpoint "$URL"
	grep '^cancelled$' out
	exits 0 sandbatch jobs wait "$short" "$long" --endpoint "$URL"
	grep "^$short  completed$" out
	grep '^exit code 3, ' out
	grep '^  hi there$' out
	grep "^$long  cancelled$" out
	exits 0 sandbatch jobs get "$short" --json --endpoint "$URL"
	jq -e '.status == "completed" and .result.exit_code == 3' out
	exits 0 sandbatch jobs cancel "$short" --endpoint "$URL"
	grep 'had ended' out
	exits 0 sandbatch jobs list --endpoint "$URL"
	test ! -s out
}

@test "a job that is not there, an id that is none, an endpoint that is none" {
	serve_start
	exits 4 sandbatch jobs get 00000000-0000-4000-8000-000000000000 --endpoint "$URL"
	grep "^sandbatch: $URL: " err
	exits 2 sandbatch jobs get ../health --endpoint "$URL"
	exits 2 sandbatch jobs list
	grep 'jobs wants --endpoint' err
	exits 2 sandbatch jobs get --endpoint "$URL"
}
