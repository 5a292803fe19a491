#!/usr/bin/env bats
# Attacks that concern the service more than the sandbox: archives, artifacts, compilers, JSON. One
# slot for all: after each attack an honest job in it runs as ever and finds nothing.
load common

TARS=$TOP/tests/api/tars.py

# job JQ [ARG...] -- run what the program makes, as jq sees it; its result in body.
job() {
	jq -nc "$@" >request
	answers 200 POST /execute -H 'Content-Type: application/json' --data-binary @request
}

# unpack FILE CODE [LIMITS] -- the archive, then the code.
unpack() {
	base64 -w 0 "$1" >encoded
	# shellcheck disable=SC2016 # $code is jq's
	job --rawfile tar encoded --arg code "$2" --argjson limits "${3:-null}" '{language: "bash", code: $code,
		limits: ($limits // {}), input_files: [{filename: "a.tar", extract: true, content: $tar}]}'
}

is() {
	jq -e "$1" body || {
		head -c 3000 body
		return 1
	}
}

honest() {
	job '{language: "bash", code: "ls -A /tmp /dev/shm /var/tmp; echo /proc/[0-9]*"}'
	is '.stdout | test("^/dev/shm:\n\n/tmp:\nmain.sh\n\n/var/tmp:\n/proc/[0-9]+\n$")'
}

@test "archives: bombs, entries without end, holes of an exabyte" {
	serve_start --slots 1
	for bomb in bytes entries sparse claim; do
		python3 "$TARS" "$bomb" >a.tar
		unpack a.tar 'echo ran' '{"disk_mb": 8}'
		is '.success | not'
		is '.stdout == "" and (.exit_code != 0)'
		case $bomb in bytes | entries) is '.limit == "disk"' ;; esac
		honest
	done
}

@test "archives: names and links that lead out, devices, and the program itself" {
	serve_start --slots 1
	for kind in dotdot absolute link_then_file hard_link; do
		python3 "$TARS" "$kind" >a.tar
		unpack a.tar 'cat evil passwd d/evil 2>/dev/null; ls -A / /etc /var/tmp /dev/shm | grep evil; exit 0'
		is '.stdout | test("root:") | not'
		is '.stdout | test("(^|\n)evil\n") | not'
		honest
	done
	python3 "$TARS" devices >a.tar
	unpack a.tar 'find . -type b -o -type c; exit 0'
	is '.stdout == ""'
	honest
	python3 "$TARS" program >a.tar
	unpack a.tar 'echo mine'
	is '.stdout | test("theirs") | not'
	honest
}

@test "artifacts: links, pipes, sockets, holes and folders without end" {
	serve_start --slots 1
	job '{language: "bash", artifact_paths: ["*"], code: ("ln -s /etc/passwd link; ln -s ../../../etc/shadow up; mkfifo pipe; "
		+ "ln main.sh hard; python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind(\\\"sock\\\")\"; "
		+ "mknod disk b 254 0; mkdir locked; echo x >locked/x; chmod 0 locked; echo ok >plain; chmod 0 plain; exit 0")}'
	is '[.artifacts[].filename] | sort == ["hard", "main.sh", "plain"]'
	is '[.artifacts[] | select(.filename == "plain") | .content_base64] == ["b2sK"]'
	honest
	job '{language: "bash", artifact_paths: ["*"], code: "truncate -s 200M hole"}'
	is '(.artifacts | length) == 0'
	honest
	job '{language: "python", artifact_paths: ["**"], code: "import os\nfor i in range(3000): os.mkdir(\"d\"), os.chdir(\"d\")\nopen(\"x\", \"w\")"}'
	is '.success and (.error | test("^cannot collect the artifacts: ")) and .artifacts == []'
	honest
	job '{language: "bash", artifact_paths: ["*"], code: "mv main.sh gone; ln -s /etc/passwd main.sh; ln -s /etc/passwd a.out"}'
	is '[.artifacts[].filename] == ["gone"]'
	honest
}

@test "compilers: what never ends and what grows" {
	serve_start --slots 1
	job '{language: "c", code: "#include \"/dev/zero\"\n"}'
	is '(.success | not) and .limit == "memory" and (.error | test("compiling was stopped"))'
	honest
	job '{language: "c", code: "#include \"/etc/shadow\"\n#include \"../../../proc/1/environ\"\nint main(void) { return 0; }\n"}'
	is '(.success | not) and (.stderr | test("root:") | not)'
	honest
	job '{language: "c", code: "#include __FILE__\nint main(void) { return 0; }\n"}'
	is '(.success | not) and .compile.exit_code != 0'
	honest
	job '{language: "c", limits: {disk_mb: 8}, code: "char a[1 << 28] = { 1 };\nint main(void) { return a[5]; }\n"}'
	is '.success | not'
	honest
	job '{language: "c", code: "__asm__(\".incbin \\\"/etc/passwd\\\"\");\nint main(void) { return 0; }\n"}'
	is '.stdout == ""'
	honest
}

@test "JSON: deep, long, twice, cut, not UTF-8" {
	serve_start --slots 1
	local type=(-H 'Content-Type: application/json')
	python3 -c 'print("{\"language\":\"bash\",\"code\":\"\",\"env\":" + "[" * 1000000)' >deep
	answers 400 POST /execute "${type[@]}" --data-binary @deep
	python3 -c 'print("{\"language\":\"bash\",\"code\":\"\",\"ttl\":" + "9" * 1000000 + "}")' >long
	answers 400 POST /execute "${type[@]}" --data-binary @long
	answers 400 POST /execute "${type[@]}" -d '{"language":"bash","code":"","ttl":-1}'
	answers 400 POST /execute "${type[@]}" -d '{"language":"bash","code":""'
	printf '{"language":"bash","code":"\xc0\xaf"}' >octets
	answers 400 POST /execute "${type[@]}" --data-binary @octets
	printf '{"language":"bash","code":"\\u0000"}' >nul
	answers 400 POST /execute "${type[@]}" --data-binary @nul
	# of a key that is there twice one value counts, the same for whoever checks it and whoever uses it
	call POST /execute "${type[@]}" -d '{"language":"bash","code":"echo one","ttl":5,"code":"echo two","ttl":99999}'
	jq -e '.success == false or .stdout == "one\n" or .stdout == "two\n"' body
	honest
}
