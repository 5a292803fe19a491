#!/usr/bin/env -S bats --tap
# What the README shows is what happens.
load common

# block LANGUAGE N -- the README's Nth fenced block of that language.
block() {
	awk -v want="\`\`\`$1" -v n="$2" '$0 == "```" { on = 0 } on { print } $0 == want { on = ++seen == n }' "$TOP/README.md"
}

# timeless <FILE -- without what differs from run to run.
timeless() {
	sed -e 's/ in [0-9.]* m\{0,1\}s$/ in TIME/' -e 's,runs/[0-9a-f-]*,runs/ID,'
}

@test "the spec on its first screen has ten lines and prints just that" {
	block yaml 1 >fizz.yaml
	test "$(wc -l <fizz.yaml)" -eq 10
	exits 1 sandbatch run fizz.yaml
	block console 1 | sed 1d | timeless >want
	timeless <out | diff want -
}

@test "the mistake it shows is told like that" {
	printf 'version: 1\njobs:\n  build:\n    langauge: c\n    language: c\n    code: int main(void) {}\n' >hw1.yaml
	exits 3 sandbatch validate hw1.yaml
	block console 2 | sed 1d | diff - err
}

@test "every file and target it names is there" {
	grep -ohE '(^|`)make [a-z]+' "$TOP"/*.md | cut -d' ' -f2 | sort -u |
		while read -r target; do
			grep -q "^$target:" "$TOP/Makefile"
		done
	grep -oh '](\([^)]*\))' "$TOP"/*.md | tr -d '()]' | sort -u | while read -r file; do
		test -e "$TOP/$file"
	done
}
