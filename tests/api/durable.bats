#!/usr/bin/env bats
load common

# Kill the service and start it again at the same place.
restart() {
	serve_crash
	SCRIPT=$1 fake_at "$PWD/data"
}

fake_at() {
	fake_start --data "$1" "${@:2}"
}

@test "kill -9 and a restart keep every job, the ended ones with their result" {
	fake_at "$PWD/data" --slots 1
	submit hi
	local ended=$ID
	eventually status_is completed
	cp body before
	submit 'forever 1'
	local running=$ID
	eventually status_is running
	submit 'forever 2'
	local pending=$ID
	echo '[]' >echo.json
	restart echo.json
	ID=$ended
	status_is completed
	cmp before body
	for ID in "$running" "$pending"; do
		answers 200 GET "/jobs/$ID?wait=20"
		jq -e '.status == "completed"' body
	done
	jq -e '.result.stdout == "forever 2"' body
}

# old_store FILE -- its artifacts are where version 4 had them: within the answers.
old_store() {
	python3 - "$1" <<-'PY'
		import base64, json, sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		for seq, answer in db.execute("SELECT seq, answer FROM ended").fetchall():
		    job = json.loads(answer)
		    rows = db.execute("SELECT name, body FROM artifact WHERE seq = ? ORDER BY rowid", (seq,))
		    job["result"]["artifacts"] = [{"filename": n, "content_base64": base64.b64encode(b).decode()} for n, b in rows]
		    text = json.dumps(job, separators=(",", ":"), ensure_ascii=False).encode()
		    db.execute("UPDATE ended SET answer = ? WHERE seq = ?", (text, seq))
		db.executescript("DROP TABLE artifact; PRAGMA user_version = 4")
	PY
}

@test "artifacts are the same after a restart, and from a store of before they were kept apart" {
	fake_at "$PWD/data"
	submit build
	eventually status_is completed
	cp body before
	local paths=("/jobs/$ID/artifacts/a.out" "/jobs/$ID?inline_bytes=5" "/jobs/$ID/stdout") i step
	for i in 0 1 2; do
		answers 200 GET "${paths[i]}"
		cp body "before.$i"
	done
	[ "$(cat before.0)" = binary ]
	for step in new old; do
		serve_stop
		[ "$step" = new ] || old_store data/jobs.db
		fake_at "$PWD/data"
		status_is completed
		cmp before body
		for i in 0 1 2; do
			answers 200 GET "${paths[i]}"
			cmp "before.$i" body
		done
		refuses 404 not_found 'there is no such artifact' GET "/jobs/$ID/artifacts/b.out"
	done
}

@test "an /execute whose caller went with the service is cancelled, not run for nobody" {
	fake_at "$PWD/data"
	json forever
	curl -s -m 20 "${JSON[@]}" "$URL/execute" 3>&- &
	only_job() {
		answers 200 GET /jobs
		ID=$(jq -r '.jobs[0].job_id // empty' body)
		[ -n "$ID" ]
	}
	eventually only_job
	restart "$SCRIPT"
	eventually status_is cancelled
	jq -e '.result.error == "Job cancelled: the service was restarted and its caller is gone"' body
}

@test "an Idempotency-Key outlives the service" {
	fake_at "$PWD/data"
	submit forever -H 'Idempotency-Key: k'
	local first=$ID
	restart "$SCRIPT"
	submit forever -H 'Idempotency-Key: k'
	[ "$ID" = "$first" ]
}

@test "SIGTERM leaves running jobs to the next service, and exits 0" {
	fake_at "$PWD/data"
	submit forever
	eventually status_is running
	local pid=${SERVICES[-1]}
	kill -TERM "$pid"
	wait "$pid"
	SERVICES=()
	grep -q ' info stopping: what runs is ended (1 jobs) .*; this takes at most 10 s$' serve.1.err
	grep -qE ' info stopped after [0-9]+ ms$' serve.1.err
	[ "$(sqlite3 data/jobs.db 'select status from job')" = pending ]
	echo '[]' >echo.json
	SCRIPT=echo.json fake_at "$PWD/data"
	answers 200 GET "/jobs/$ID?wait=20"
	jq -e '.status == "completed"' body
}

@test "while it shuts down, submits are 503 with Retry-After" {
	fake_at "$PWD/data"
	json stubborn
	curl -s -m 20 -o waited -w '%{http_code}' "${JSON[@]}" "$URL/execute" >status 3>&- &
	running() {
		answers 200 GET /health
		jq -e '.running == 1' body
	}
	eventually running
	kill -TERM "${SERVICES[-1]}"
	stopping() {
		[ "$(call POST /execute/async "${JSON[@]}")" = 503 ]
	}
	eventually stopping
	tr -d '\r' <./head >head.text
	says '{"success":false,"error":"the service is shutting down","code":"shutting_down"}'
	has_header 'Retry-After: 2'
	wait $!
	[ "$(cat status)" = 503 ]
	cmp body waited
	wait "${SERVICES[-1]}"
}

@test "a second signal ends it at once" {
	fake_at "$PWD/data"
	submit stubborn
	eventually status_is running
	local start pid=${SERVICES[-1]}
	start=$(ms)
	kill -TERM "$pid"
	sleep 0.1
	kill -TERM "$pid"
	wait "$pid"
	[ $(($(ms) - start)) -lt 1400 ]
}

@test "two services cannot have one folder" {
	fake_at "$PWD/data"
	exits 5 "$SANDBATCH" serve --executor fake --listen 127.0.0.1:0 --data "$PWD/data"
	grep -qF "$PWD/data/jobs.db is in use by another service" err
}

@test "a damaged store is refused with what to do, and left as it is" {
	mkdir data
	head -c 8192 /dev/urandom >data/jobs.db
	cp data/jobs.db before
	exits 5 "$SANDBATCH" serve --executor fake --listen 127.0.0.1:0 --data "$PWD/data"
	grep -q 'jobs.db is damaged .*: put back a copy of it, or move it away' err
	cmp before data/jobs.db
}
