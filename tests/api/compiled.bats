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

@test "a C program comes back as WebAssembly that Node runs" {
	serve_start --slots 1
	call GET /languages >/dev/null
	jq -e '.details[] | select(.name == "c") | .wasm' body >/dev/null || skip 'clang for wasm32-wasi is not installed'
	compile c 'int puts(const char *); int main(void) { puts("hello"); return 0; }' '{"return_wasm_artifact":true}'
	is '.stdout == "hello\n" and .artifacts[0].filename == "main.wasm"'
	jq -r '.artifacts[0].content_base64' body | base64 -d >main.wasm
	cat >wasi.mjs <<-'EOF'
		import { WASI } from 'node:wasi';
		import { readFileSync } from 'node:fs';
		const wasi = new WASI({ version: 'preview1', args: [], env: {} });
		const module = await WebAssembly.compile(readFileSync('main.wasm'));
		wasi.start(await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport }));
	EOF
	[ "$(node --no-warnings wasi.mjs)" = hello ]
}

@test "what is no WebAssembly is refused" {
	serve_start --slots 1
	compile bash 'echo no' '{"return_wasm_artifact":true}'
	is '.success == false and (.error | contains("bash is not compiled to WebAssembly here"))'
}
