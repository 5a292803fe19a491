#!/usr/bin/env -S bats --tap
# What compilers make: once for the same source, as an artifact, as WebAssembly.
load common

# compile LANGUAGE CODE [FIELDS [CURL OPTION...]] -- the result in body.
compile() {
	jq -cn --arg language "$1" --arg code "$2" --argjson more "${3:-{\}}" '{$language, $code} + $more' >request
	answers 200 POST /execute -H 'Content-Type: application/json' --data-binary @request "${@:4}"
}

# is FILTER -- of the body, is true.
is() {
	jq -e "$1" body >/dev/null || {
		cat body
		return 1
	}
}

C='#include <stdio.h>
int main(void) { int c = getchar(); printf("<%c>", c); return c == 55; }'

@test "the same source is compiled once for a key, whatever it reads" {
	serve_start --slots 1
	compile c "$C" '{"stdin":"1"}'
	is '.stdout == "<1>" and .compile.cached == false'
	compile c "$C" '{"stdin":"2"}'
	is '.stdout == "<2>" and .compile == {"exit_code":0,"stderr":"","time_ms":0,"cached":true}'
	compile c "$C" '{"stdin":"7"}'
	is '.exit_code == 1 and .compile.cached'
	compile c "$C" '{"stdin":"1","compile_args":["-O0"]}'
	is '.stdout == "<1>" and (.compile.cached | not)'
	compile c "$C" '{"stdin":"1"}' -H 'Authorization: Bearer another'
	is '.stdout == "<1>" and (.compile.cached | not)'
	compile c "$C" '{"stdin":"1","return_artifact":true}'
	is '.compile.cached and .artifacts[0].filename == "main"'
}

@test "what fails to compile is compiled again" {
	serve_start --slots 1
	compile c 'int main(void) { return x; }'
	compile c 'int main(void) { return x; }'
	is '(.compile.cached | not) and .compile.exit_code == 1'
}

@test "a compiled program comes back as an artifact that runs" {
	serve_start --slots 1
	compile c "$C" '{"stdin":"1","return_artifact":true}'
	jq -r '.artifacts[0].content_base64' body | base64 -d >program
	chmod +x program
	[ "$(./program <<<5)" = '<5>' ]
}

# to_wasm LANGUAGE CODE -- main.wasm, if that can be made here.
to_wasm() {
	serve_start --slots 1
	call GET /languages >/dev/null
	jq -e --arg n "$1" '.details[] | select(.name == $n) | .available and .wasm' body >/dev/null ||
		skip "what makes WebAssembly of $1 is not installed"
	compile "$1" "$2" '{"return_wasm_artifact":true}'
	is '.stdout == "hello\n" and .artifacts[0].filename == "main.wasm"'
	jq -r '.artifacts[0].content_base64' body | base64 -d >main.wasm
}

# Node runs main.wasm, which says hello.
wasi_says_hello() {
	cat >wasi.mjs <<-'EOF'
		import { WASI } from 'node:wasi';
		import { readFileSync } from 'node:fs';
		const wasi = new WASI({ version: 'preview1', args: [], env: {} });
		const module = await WebAssembly.compile(readFileSync('main.wasm'));
		wasi.start(await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport }));
	EOF
	[ "$(node --no-warnings wasi.mjs)" = hello ]
}

@test "a C program comes back as WebAssembly that Node runs" {
	to_wasm c 'int puts(const char *); int main(void) { puts("hello"); return 0; }'
	wasi_says_hello
}

@test "a C++ program comes back as WebAssembly that Node runs" {
	to_wasm cpp "$(printf '#include <iostream>\nint main() { std::cout << "hello\\n"; }')"
	wasi_says_hello
}

@test "a Rust program comes back as WebAssembly that Node runs" {
	to_wasm rust 'fn main() { println!("hello"); }'
	wasi_says_hello
}

@test "a Go program comes back as WebAssembly that Node runs with Go's own wasm_exec.js" {
	to_wasm go "$(printf 'package main\nimport "fmt"\nfunc main() { fmt.Println("hello") }')"
	cat >go.js <<-'EOF'
		globalThis.fs = require('fs');
		globalThis.crypto ??= require('crypto').webcrypto;
		require(process.argv[2] + '/misc/wasm/wasm_exec.js');
		const go = new Go();
		WebAssembly.instantiate(fs.readFileSync('main.wasm'), go.importObject).then(w => go.run(w.instance));
	EOF
	[ "$(node go.js "$(go env GOROOT)")" = hello ]
}

@test "what is no WebAssembly is refused" {
	serve_start --slots 1
	refuses 422 unsupported_artifact 'return_wasm_artifact must be false: bash is not compiled to WebAssembly here' \
		POST /execute -H 'Content-Type: application/json' -d '{"language":"bash","code":"","return_wasm_artifact":true}'
}
