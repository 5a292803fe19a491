# sandbatch. `make help` lists the targets.
VERSION    := 0.1.0
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/sandbatch
DATADIR    ?= $(PREFIX)/share/sandbatch
MANDIR     ?= $(PREFIX)/share/man
BUILD      ?= build
CFLAGS     ?= -O2 -g
PROVE      ?= prove
JOBS       ?= $(shell nproc)
LANGS      ?= all
# How long each fuzzer runs, and each test file may.
FUZZ_SECONDS ?= 60
TEST_SECONDS ?= 600
MAKEFLAGS  += --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS  += -j$(JOBS)
endif

PKGS       := libcurl yaml-0.1 libcjson libpcre2-8 libarchive libcrypto libmicrohttpd sqlite3
WARN       := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
              -Wold-style-definition -Wvla -Wwrite-strings -Wpointer-arith \
              -Wformat=2 -Wundef -Wswitch-enum -Wcast-qual -Wimplicit-fallthrough
ifdef DEVELOPER
WARN       += -Werror
endif
ifdef SAN
HARDEN     := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDEN_LD  := -fsanitize=$(SAN)
else
HARDEN     := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE
HARDEN_LD  := -pie -Wl,-z,relro,-z,now
endif
BASE_CFLAGS := -std=c17 -D_GNU_SOURCE -Iengine -I. -DVERSION='"$(VERSION)"' \
              -DDATADIR='"$(DATADIR)"' -DLIBEXECDIR='"$(LIBEXECDIR)"' $(WARN) \
              -include engine/base/banned.h $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
ALL_CFLAGS := $(BASE_CFLAGS) $(HARDEN) $(CFLAGS)
ALL_LIBS   := -Wl,--as-needed $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm
JAIL_LIBS  := $(shell pkg-config --libs libseccomp 2>/dev/null)

# Who may include, and is linked with, whom; tests/cli/rooms.bats reads these lines too.
MAY_base    :=
MAY_wire    := base
MAY_spec    := base
MAY_plan    := base spec
MAY_pack    := base
MAY_api     := base wire pack
MAY_check   := base wire spec
MAY_keep    := base wire
MAY_cache   := base wire
MAY_run     := base wire spec plan pack api check keep cache
MAY_report  := base wire spec plan check run
MAY_service := base wire pack jail
MAY_sandbox := jail warm
MAY_warm    := jail
MAY_jail    :=
MAY_cmd     := base wire spec plan pack api check keep cache run report service
ROOMS       := base wire spec plan pack api check keep cache run report service sandbox warm jail cmd

sources     = $(wildcard engine/$(1)/*.c $(filter $(1)/%,$(wildcard service/*.c sandbox/*.c cmd/*.c jail/*.c warm/start.c)))
objects     = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
reach       = $(sort $(1) $(foreach r,$(MAY_$(1)),$(call reach,$(r))))
libs        = $(foreach r,$(call reach,$(1)),$(BUILD)/lib/$(r).a)
UNIT       := $(wildcard tests/unit/*.c)
UNIT_BIN   := $(UNIT:tests/unit/%.c=$(BUILD)/unit/%.t)
# One short line a step; V=1 shows the commands.
say         = $(if $(V),,@echo '$(1)	$@'; )
unit_room   = $(firstword $(subst _, ,$(1)))

ATTACKS    := $(wildcard tests/attacks/*.c)
SOURCES    := $(wildcard engine/*/*.c service/*.c sandbox/*.c warm/*.c jail/*.c cmd/*.c tests/unit/*.c tests/fuzz/*.c tests/weak/*.c) $(ATTACKS)
HEADERS    := $(wildcard engine/*/*.h service/*.h sandbox/*.h warm/*.h jail/*.h cmd/*.h tests/*/*.h)
SCRIPTS    := .ci/run .ci/install tests/one $(wildcard tests/*/*.bats tests/*/*.bash) $(filter-out %.c %.h %.py,$(wildcard tests/bench/*)) \
              tests/languages/run tests/languages/install tests/debian/image tests/debian/run tests/debian/inside \
              $(wildcard tests/debian/cases/*)
ETC        := etc/languages.yml $(wildcard etc/warm/*)
FUZZ       := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
# What `make test` runs; TESTS=tests/cli/run.bats runs that alone.
TESTS      ?= $(UNIT_BIN) $(wildcard tests/*/*.bats)

all: $(BUILD)/sandbatch $(BUILD)/sandbatch-jail $(BUILD)/sandbatch-warm.so $(BUILD)/sandbatch-attacks $(ETC:%=$(BUILD)/%) ## build everything

demo: ## install what is missing, build, run specs/tour.yaml
	@.ci/install build run
	@$(MAKE) all
	@$(BUILD)/sandbatch run --report junit specs/tour.yaml
	@echo "reports  .sandbatch/runs/latest/summary.json and junit.xml"

check: ## install what is missing, build, run every test
	@.ci/install build run test
	@$(MAKE) programs
	@$(MAKE) test

programs: all $(UNIT_BIN) $(BUILD)/weak/sandbatch-jail # and the unit tests
	@:

test: # run TESTS, as they are built
	@BUILD=$(abspath $(BUILD)) TEST_SECONDS=$(TEST_SECONDS) $(PROVE) -j$(JOBS) -e tests/one $(TESTS)

units: programs ## the unit tests alone
	@$(MAKE) test TESTS="$(UNIT_BIN)"

check-faults: programs ## what the service must bear, at full length
	@BUILD=$(abspath $(BUILD)) TEST_SECONDS=3600 FAULT_KILLS=$(or $(FAULT_KILLS),20) FAULT_JOBS=$(or $(FAULT_JOBS),500) \
		FAULT_IDLE=$(or $(FAULT_IDLE),10000) \
		FAULT_RESUMES=$(or $(FAULT_RESUMES),200) FAULT_FILLS=$(or $(FAULT_FILLS),5) FAULT_ROUNDS=$(or $(FAULT_ROUNDS),3) $(PROVE) -e tests/one $(wildcard tests/faults/*.bats)

asan: ## every test under AddressSanitizer and UBSan
	@$(MAKE) check BUILD=$(BUILD)/asan SAN=address,undefined CFLAGS='-O1 -g'

# Valgrind cannot follow the jail's clone flags: what starts one is tested under asan instead.
valgrind: programs ## the unit tests under valgrind
	@.ci/install check
	@BUILD=$(abspath $(BUILD)) VALGRIND=1 $(PROVE) -j$(JOBS) -e tests/one \
		$(filter-out $(BUILD)/unit/sandbox_% $(BUILD)/unit/service_local%,$(UNIT_BIN))

check-languages: ## install toolchains, run a program of each kind in LANGS: all, core or names
	@.ci/install build test
	@$(MAKE) all
	@BUILD=$(abspath $(BUILD)) LANGS="$(LANGS)" tests/languages/install
	@BUILD=$(abspath $(BUILD)) $(PROVE) -j$(JOBS) -e tests/languages/run \
		$$(BUILD=$(abspath $(BUILD)) LANGS="$(LANGS)" tests/languages/install --list)

# Not in .ci/run: making the machine takes two minutes, and where it is emulated the tests fifteen. CASES: files of tests
# that are to run there instead of its own, as CASES="tests/api/network.bats build/unit/sandbox_jail.t".
check-debian: programs ## what only a real Debian 12 shows: its kernel, cgroup v2, systemd; in a virtual machine
	@.ci/install vm
	@CASES="$(CASES)" tests/debian/run

golden: ## every test, taking what it prints as golden (read the diff)
	@UPDATE_GOLDEN=1 $(MAKE) check

# Tests that measure time may fail as this is built: the table comes all the same.
coverage: ## which lines the tests reach, as a table
	@.ci/install cover
	-@$(MAKE) check BUILD=$(BUILD)/coverage CFLAGS='-O0 -g --coverage -fprofile-update=atomic' HARDEN= HARDEN_LD=--coverage
	@gcovr --root . --object-directory $(BUILD)/coverage --exclude tests/ --print-summary

fuzz: ## each fuzzer for FUZZ_SECONDS
	@.ci/install build check
	@$(MAKE) fuzz-run BUILD=$(BUILD)/fuzz CC=clang SAN=address,undefined \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link'

fuzz-run: $(FUZZ:%=$(BUILD)/%.fuzz) # build and run them one after the other
	@set -e; for f in $(FUZZ); do \
		mkdir -p $(BUILD)/corpus/$$f; \
		echo "== $$f"; \
		seeds=$$(ls -d fixtures/fuzz/$$f 2>/dev/null || true); \
		$(BUILD)/$$f.fuzz -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 \
			-artifact_prefix=$(BUILD)/ $(BUILD)/corpus/$$f $$seeds; \
	done

bench: ## install what is missing, build, tell how quick it is, as a table; BENCH=engine runs that part alone
	@.ci/install build run bench
	@$(MAKE) all
	@BUILD=$(abspath $(BUILD)) tests/bench/run $(BENCH)

lint: ## clang-format, clang-tidy, cppcheck, shellcheck, the rules of the rooms, headers alone, man page
	@.ci/install build check
	@$(MAKE) lint-run

lint-run: lint-format lint-shell lint-rooms lint-man lint-cppcheck \
	$(SOURCES:%=$(BUILD)/lint/%.tidy) $(HEADERS:%=$(BUILD)/lint/%.alone)
	@echo "lint: clean"

lint-format:
	@clang-format --dry-run -Werror $(SOURCES) $(HEADERS)

lint-shell:
	@shellcheck -x -P SCRIPTDIR $(SCRIPTS)

lint-rooms:
	@$(MAKE) -s rooms | tests/rooms .

lint-man:
	@mandoc -T lint -W warning man/*.[15]

lint-cppcheck:
	@mkdir -p $(BUILD)/lint/cppcheck
	@cppcheck --quiet --std=c11 -D_GNU_SOURCE -D__GNUC__=12 -Iengine -I. \
		$(addprefix --include=/usr/include/,$(shell $(CC) -print-multiarch)/sys/queue.h cjson/cJSON.h) \
		--cppcheck-build-dir=$(BUILD)/lint/cppcheck \
		--enable=warning,performance,portability --inline-suppr --suppressions-list=.cppcheck \
		--error-exitcode=1 -j$(JOBS) $(filter-out tests/%,$(SOURCES))

# One file a call; a stamp a file, so that only what changed is read again.
$(BUILD)/lint/%.c.tidy: %.c .clang-tidy
	@mkdir -p $(@D)
	@$(CC) $(BASE_CFLAGS) -MM -MP -MT $@ -MF $(@:.tidy=.d) $<
	$(call say,TIDY)clang-tidy --quiet $< -- $(BASE_CFLAGS) 2>$@.err || { cat $@.err; exit 1; }
	@touch $@

$(BUILD)/lint/%.h.alone: %.h
	@mkdir -p $(@D)
	@echo '#include "$<"' | $(CC) $(WARN) -std=c17 -D_GNU_SOURCE -Iengine -I. -fsyntax-only \
		-MMD -MP -MT $@ -MF $(@:.alone=.d) -xc -
	@touch $@

rooms: # each room and what it may include, for tests/rooms
	@$(foreach r,$(ROOMS),echo "$(r): $(MAY_$(r))";)

format: ## lay out the C as clang-format does
	clang-format -i $(SOURCES) $(HEADERS)

deps: ## install the Debian packages for building and running
	@.ci/install build run

install: all ## install below $(DESTDIR)$(PREFIX)
	install -D -m755 $(BUILD)/sandbatch $(DESTDIR)$(BINDIR)/sandbatch
	install -D -m755 $(BUILD)/sandbatch-jail $(DESTDIR)$(LIBEXECDIR)/sandbatch-jail
	install -D -m755 $(BUILD)/sandbatch-attacks $(DESTDIR)$(LIBEXECDIR)/sandbatch-attacks
	install -D -m755 $(BUILD)/sandbatch-warm.so $(DESTDIR)$(LIBEXECDIR)/sandbatch-warm.so
	install -D -m644 etc/languages.yml $(DESTDIR)$(DATADIR)/languages.yml
	install -D -m644 -t $(DESTDIR)$(DATADIR)/warm etc/warm/*
	install -D -m644 man/sandbatch.1 $(DESTDIR)$(MANDIR)/man1/sandbatch.1
	install -D -m644 etc/sandbatch.service $(DESTDIR)$(PREFIX)/lib/systemd/system/sandbatch.service
	install -D -m644 etc/sandbatch.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/sandbatch.conf
	install -D -m644 etc/sandbatch.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/sandbatch.conf
	install -D -m644 man/sandbatch-spec.5 $(DESTDIR)$(MANDIR)/man5/sandbatch-spec.5

uninstall: ## remove what install installed
	rm -f $(DESTDIR)$(BINDIR)/sandbatch $(DESTDIR)$(MANDIR)/man1/sandbatch.1 \
		$(DESTDIR)$(MANDIR)/man5/sandbatch-spec.5
	rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/sandbatch.service
	rm -f $(DESTDIR)$(PREFIX)/lib/sysusers.d/sandbatch.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/sandbatch.conf
	rm -rf $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DATADIR)

dist: ## a tar of the last commit
	@mkdir -p $(BUILD)
	git archive --prefix=sandbatch-$(VERSION)/ -o $(BUILD)/sandbatch-$(VERSION).tar.gz HEAD

clean: ## remove what was built
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

$(BUILD)/sandbatch: $(call libs,cmd)
	$(call say,LD)$(CC) $(HARDEN_LD) $(LDFLAGS) -o $@ -Wl,--whole-archive $(BUILD)/lib/cmd.a -Wl,--no-whole-archive \
		-Wl,--start-group $^ -Wl,--end-group $(ALL_LIBS)

# A warden has left the /proc in which LeakSanitizer looks when a program ends: there it is told not to.
JAIL_OBJECTS := $(call objects,$(call sources,sandbox) $(call sources,warm) $(call sources,jail))
ifdef SAN
JAIL_OBJECTS += $(BUILD)/obj/no_leaks.o
$(BUILD)/obj/no_leaks.o:
	@mkdir -p $(@D)
	@echo 'const char *__lsan_default_options(void) { return "detect_leaks=0"; }' | $(CC) -xc -c -o $@ -
endif

$(BUILD)/sandbatch-jail: $(JAIL_OBJECTS)
	$(call say,LD)$(CC) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(JAIL_LIBS)

# It attacks, so nothing of a sanitizer's is in its way, nor in that of the limits it runs into.
$(BUILD)/sandbatch-attacks: $(ATTACKS) tests/attacks/attacks.h
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(BASE_CFLAGS) -O1 -fPIE -pie -o $@ $(ATTACKS) -pthread

WARM        = warm/hold.c warm/eval.c jail/lose.c jail/words.c
# What is loaded into a language's interpreter: nothing of ours beside it, and never a sanitizer.
$(BUILD)/sandbatch-warm.so: $(WARM) warm/warm.h warm/eval.h jail/jail.h $(BUILD)/flags
	$(call say,LD)$(CC) $(BASE_CFLAGS) -O2 -g -fstack-protector-strong -fPIC -fvisibility=hidden -shared -Wl,-z,relro,-z,now -o $@ \
		$(WARM)

# The real one's objects; only what they call of the C library is another's (tests/weak/jail.c).
WEAK       := syscall prctl setrlimit setresuid setresgid unshare mount_setattr clone openat \
              clock_gettime getrandom
comma      := ,
$(BUILD)/weak/sandbatch-jail: $(call objects,tests/weak/jail.c) $(JAIL_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(HARDEN_LD) $(LDFLAGS) $(WEAK:%=-Wl$(comma)--wrap=%) -o $@ $^ $(JAIL_LIBS)

$(BUILD)/etc/%: etc/%
	@mkdir -p $(@D)
	$(call say,CP)cp $< $@

define room_rule
$$(BUILD)/lib/$(1).a: $$(call objects,$$(call sources,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR)$$(AR) rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_rule,$(r))))

# A test reaches its own room and those that this may include, as the room itself does.
define unit_rule
$$(BUILD)/unit/$(1).t: $$(BUILD)/obj/tests/unit/$(1).o $$(call libs,$$(call unit_room,$(1)))
	@mkdir -p $$(@D)
	$$(call say,LD)$$(CC) $$(HARDEN_LD) $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$$(ALL_LIBS) $$(JAIL_LIBS) -lcmocka
endef
$(foreach u,$(UNIT:tests/unit/%.c=%),$(eval $(call unit_rule,$(u))))

define fuzz_rule
$$(BUILD)/$(1).fuzz: $$(BUILD)/obj/tests/fuzz/$(1).o $$(call libs,$$(call unit_room,$(1)))
	$$(call say,LD)$$(CC) $$(HARDEN_LD) -fsanitize=fuzzer $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) \
		-Wl,--end-group $$(ALL_LIBS) $$(JAIL_LIBS)
endef
$(foreach f,$(FUZZ),$(eval $(call fuzz_rule,$(f))))

# A warden that hears all, and has nothing to do it with (tests/unit/sandbox_fuzz.h).
$(BUILD)/unit/sandbox_corpus.t $(BUILD)/sandbox_messages.fuzz: LDFLAGS += \
	$(patsubst %,-Wl$(comma)--wrap=%,slot_open slot_close folder_prepare folder_clear inside_start)

# What the service would tell its operator of such a warden (tests/unit/service_warden.h).
$(BUILD)/unit/service_corpus.t $(BUILD)/service_slot.fuzz: LDFLAGS += -Wl,--wrap=log_warn

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Changes when the flags do, so that objects of other flags are never mixed.
$(BUILD)/flags: FORCE
	@pkg-config --exists $(PKGS) libseccomp || \
		{ echo "libraries are missing: make deps installs them, .ci/packages lists them" >&2; exit 1; }
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(filter-out -Werror,$(ALL_CFLAGS)))' >$@.new
	@cmp -s $@.new $@ || cp $@.new $@
	@rm -f $@.new

FORCE:
.PHONY: FORCE all programs demo check check-faults check-debian test units asan valgrind golden coverage fuzz fuzz-run bench lint lint-run \
	lint-format lint-shell lint-rooms lint-man lint-cppcheck rooms format deps install uninstall dist \
	clean help
-include $(shell find $(BUILD)/obj $(BUILD)/lint -name '*.d' 2>/dev/null)
