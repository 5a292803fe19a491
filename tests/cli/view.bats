#!/usr/bin/env -S bats --tap
# What jobs see of the machine beyond its own /usr: folders that are bound, and a root that was prepared.
load common

# run_bash ARGS... <CODE -- in the sandbox of a service of its own; what it printed is in ./out.
run_bash() {
	cat >code.sh
	exits 0 sandbatch exec code.sh "$@"
}

# A root with a shell, what it loads, and nothing else but a word of its own and secrets.
small_root() {
	mkdir -p root/usr/bin root/usr/lib root/usr/lib64 root/etc root/opt root/tmp
	ln -s usr/bin usr/lib usr/lib64 root
	cp /bin/bash /bin/ls /bin/cat root/usr/bin
	ln -s bash root/usr/bin/sh
	ldd /bin/bash /bin/ls | grep -o '/lib[^ ]*' | sort -u | while read -r library; do
		mkdir -p "root$(dirname "$library")"
		cp -L "$library" "root$library"
	done
	echo prepared >root/etc/word
	echo secret >root/etc/shadow
	echo secret >root/etc/private
	chmod 600 root/etc/private
	echo stranger:x:1:1::/:/bin/sh >root/etc/passwd
	echo deep >root/opt/tool
	chmod -R go+rX root/usr root/opt
}

# Of neither folder's place has the sandbox one of its own; root's is one that nobody reaches, wherever the checkout lies.
tools() {
	TOOLS=$(mktemp -d "$(is_root && echo /opt || echo "$BUILD")/tools.XXXXXX")
	printf '#!/bin/sh\necho a tool\n' >"$TOOLS/tool"
	chmod 777 "$TOOLS" "$TOOLS/tool"
}

# printed WORD... -- a line each, and no more.
printed() {
	printf '%s\n' "$@" | diff -u - out
}

teardown() {
	serve_stop
	rm -rf "${TOOLS:-}" "${HOME_OF_NOBODY:-}"
}

@test "--bind shows a folder outside /usr, read-only; without it there is none" {
	tools
	run_bash --bind "$TOOLS" <<-CODE
		"$TOOLS/tool"
		echo x >>"$TOOLS/tool" || echo refused
	CODE
	printed 'a tool' refused
	grep -q 'Read-only file system' err
	run_bash <<-CODE
		ls "$TOOLS" || echo none
	CODE
	printed none
}

@test "--bind as an ordinary user" {
	is_root || skip "the test before is that already"
	tools
	echo "$TOOLS/tool" >code.sh
	as_nobody sh -c "sandbatch exec code.sh --bind '$TOOLS' >seen"
	test "$(cat seen)" = 'a tool'
}

@test "--rootfs shows a prepared root, but for secrets and the places of our own" {
	small_root
	run_bash --rootfs "$PWD/root" <<-'CODE'
		ls /
		ls /usr/bin
		cat /etc/word /opt/tool
		cat /etc/shadow /etc/private
		while IFS=: read -r name _; do echo "$name"; done </etc/passwd
		echo x >/opt/tool || echo refused
		pwd
		ls
	CODE
	printed bin dev etc lib lib64 opt proc run tmp usr var bash cat ls sh prepared deep root sandbox nobody \
		refused /tmp main.sh
	grep -q 'cat: /etc/shadow: No such file or directory' err
	run ! grep -q secret out err
}

@test "small folders of /etc are copied, others and those that not everybody may enter are bound" {
	small_root
	mkdir -p root/etc/tool root/etc/deep/er root/etc/large root/etc/closed
	echo config >root/etc/tool/config
	echo hidden >root/etc/tool/.hidden
	echo shadow >root/etc/tool/shadow
	echo deep >root/etc/deep/er/file
	echo secret >root/etc/tool/private
	echo secret >root/etc/closed/file
	printf '#!/bin/sh\necho runs\n' >root/etc/tool/run
	ln -s config root/etc/tool/link
	head -c 70000 /dev/zero >root/etc/large/file
	chmod 755 root/etc/tool/run
	touch -d 2001-01-01 root/etc/tool/config
	chmod 600 root/etc/tool/private
	chmod 700 root/etc/closed
	run_bash --rootfs "$PWD/root" <<-'CODE'
		cd /etc/tool
		cat config link .hidden shadow private /etc/deep/er/file
		./run
		[ config -ot /usr/bin/bash ] && [ config -ot .hidden ] && echo old
		echo x >config || echo refused
		while read -r _ _ _ _ on _; do case $on in /etc*) echo "$on"; esac; done </proc/self/mountinfo
	CODE
	head -n 8 out >seen
	tail -n +9 out | sort >>seen
	mv seen out
	printed config config hidden shadow deep runs old refused /etc/closed /etc/deep /etc/large
	echo 'cat /etc/closed/file' >code.sh
	! is_root || exits 1 sandbatch exec code.sh --rootfs "$PWD/root"
	run ! grep secret out err
}

@test "where /etc of a root has more files than are copied, the rest is bound" {
	small_root
	mkdir root/etc/many
	touch root/etc/many/{1..60}
	for i in {1..100}; do cp -R root/etc/many "root/etc/more-$i"; done
	run_bash --rootfs "$PWD/root" <<-'CODE'
		cat /etc/word
		set -- /etc/more-*/*
		echo $#
	CODE
	printed prepared 6000
}

@test "--rootfs as an ordinary user" {
	is_root || skip "the test before is that already"
	small_root
	chmod 644 root/etc/shadow
	echo 'cat /etc/word; ls /etc' >code.sh
	as_nobody sh -c "sandbatch exec code.sh --rootfs \"\$PWD/root\" >seen"
	grep -qx prepared seen
	run ! grep -q shadow seen
}

@test "with --rootfs a language is there that the prepared root has, and no other" {
	small_root
	serve_start --rootfs "$PWD/root"
	curl -s "$URL/languages" >languages
	jq -e '.languages | index("bash")' languages
	jq -e '.details[] | select(.name == "python") | .available | not' languages
	curl -s "$URL/health" >health
	jq -e '.limits | IN("cgroup v1", "cgroup v2", "watcher")' health
}

@test "--bind and --rootfs that cannot be are refused" {
	refuses() {
		exits 2 sandbatch serve --data data "${@:2}"
		test "$(cat err)" = "sandbatch: $1"
	}
	refuses "--bind must be the absolute path of a folder, not 'tools'" --bind tools
	refuses "--rootfs must be the absolute path of a folder, not '/none'" --rootfs /none
	refuses "--bind needs the full sandbox" --sandbox limits --bind /opt
	mkdir mine
	exits 5 sandbatch serve --data data --listen 127.0.0.1:0 --bind "$PWD/mine"
	grep -q 'the sandbox has its own' err
}
