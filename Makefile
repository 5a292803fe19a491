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
MAKEFLAGS  += -j$(JOBS)

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
ALL_CFLAGS  = -std=c17 -D_GNU_SOURCE -Iengine -I. -DVERSION='"$(VERSION)"' \
              -DDATADIR='"$(DATADIR)"' -DLIBEXECDIR='"$(LIBEXECDIR)"' $(WARN) $(HARDEN) \
              -include engine/base/banned.h $(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CFLAGS)
ALL_LIBS    = -Wl,--as-needed $(shell pkg-config --libs $(PKGS) 2>/dev/null)
JAIL_LIBS   = $(shell pkg-config --libs libseccomp 2>/dev/null)

# Who may include, and is linked with, whom; tests/cli/rooms.bats reads these lines too.
MAY_base    :=
MAY_wire    := base
MAY_spec    := base
MAY_plan    := base spec
MAY_pack    := base
MAY_api     := base wire pack
MAY_check   := base wire spec
MAY_keep    := base wire
MAY_run     := base wire spec plan pack api check keep
MAY_report  := base wire spec plan check run
MAY_service := base wire pack
MAY_sandbox :=
MAY_cmd     := base wire spec plan pack api check keep run report service
ROOMS       := base wire spec plan pack api check keep run report service sandbox cmd

sources     = $(wildcard engine/$(1)/*.c $(filter $(1)/%,$(wildcard service/*.c sandbox/*.c cmd/*.c)))
objects     = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
reach       = $(sort $(1) $(foreach r,$(MAY_$(1)),$(call reach,$(r))))
libs        = $(foreach r,$(call reach,$(1)),$(BUILD)/lib/$(r).a)
UNIT       := $(wildcard tests/unit/*.c)
UNIT_BIN   := $(UNIT:tests/unit/%.c=$(BUILD)/unit/%.t)
unit_room   = $(firstword $(subst _, ,$(1)))

all: $(BUILD)/sandbatch $(BUILD)/sandbatch-jail $(BUILD)/etc/languages.yml ## build everything

$(BUILD)/sandbatch: $(call libs,cmd)
	$(CC) $(HARDEN_LD) $(LDFLAGS) -o $@ -Wl,--whole-archive $(BUILD)/lib/cmd.a -Wl,--no-whole-archive \
		-Wl,--start-group $^ -Wl,--end-group $(ALL_LIBS)

$(BUILD)/sandbatch-jail: $(call objects,$(call sources,sandbox))
	$(CC) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(JAIL_LIBS)

$(BUILD)/etc/%: etc/%
	@mkdir -p $(@D)
	cp $< $@

define room_rule
$$(BUILD)/lib/$(1).a: $$(call objects,$$(call sources,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(AR) rcs $$@ $$^
endef
$(foreach r,$(filter-out sandbox,$(ROOMS)),$(eval $(call room_rule,$(r))))

define unit_rule
$$(BUILD)/unit/$(1).t: $$(BUILD)/obj/tests/unit/$(1).o $$(call libs,$$(call unit_room,$(1)))
	@mkdir -p $$(@D)
	$$(CC) $$(HARDEN_LD) $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(ALL_LIBS) -lcmocka
endef
$(foreach u,$(UNIT:tests/unit/%.c=%),$(eval $(call unit_rule,$(u))))

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

clean: ## remove what was built
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

.PHONY: all clean help
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
