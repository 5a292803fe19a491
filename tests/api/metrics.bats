#!/usr/bin/env bats
load common

# counts LINE -- /metrics has just that line.
counts() {
	answers 200 GET /metrics
	grep -qxF "$1" body || {
		cat body
		return 1
	}
}

@test "/metrics counts requests, jobs and their times" {
	fake_start --slots 3
	json hi
	answers 200 POST /execute "${JSON[@]}"
	answers 200 POST /execute "${JSON[@]}"
	answers 404 GET /nowhere
	submit forever
	eventually status_is running
	counts 'sandbatch_requests_total{method="POST",route="/execute",status="200"} 2'
	has_header 'Content-Type: text/plain; version=0.0.4; charset=utf-8'
	counts 'sandbatch_requests_total{method="",route="none",status="404"} 1'
	counts 'sandbatch_jobs_total{status="completed"} 2'
	counts 'sandbatch_jobs_running 1'
	counts 'sandbatch_slots 3'
	counts 'sandbatch_job_duration_seconds_bucket{le="900"} 2'
	counts 'sandbatch_job_duration_seconds_count 2'
	answers 200 DELETE "/jobs/$ID"
	counts 'sandbatch_jobs_total{status="cancelled"} 1'
}
