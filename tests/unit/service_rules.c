#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "service/rules.h"

#define NONE "--allow-net must be a network as 10.1.0.0/16 or fd12::/48, not "

static void a_network_is_an_address_and_the_number_of_its_first_bits(void **state)
{
	static const struct {
		const char *cidr, *allowed; /* or what is wrong */
		int family;
	} table[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", 0 },
		{ "10.1.2.3", "10.1.2.3/32", 0 },
		{ "0.0.0.0/0", "0.0.0.0/0", 0 },
		{ "192.168.6.0/23", "192.168.6.0/23", 0 },
		{ "fd12::/48", "fd12::/48", 1 },
		{ "fd12::9", "fd12::9/128", 1 },
		{ "::/0", "::/0", 1 },
		{ "10.0.0.0/33", NONE "'10.0.0.0/33'", -1 },
		{ "10.0.0.0/-1", NONE "'10.0.0.0/-1'", -1 },
		{ "10.0.0.0/", NONE "'10.0.0.0/'", -1 },
		{ "10.0.0.0/8/8", NONE "'10.0.0.0/8/8'", -1 },
		{ "10.0/8", NONE "'10.0/8'", -1 },
		{ "fd12::/129", NONE "'fd12::/129'", -1 },
		{ "10.0.0.0/8 } accept", NONE "'10.0.0.0/8 } accept'", -1 },
		{ "", NONE "''", -1 },
		{ "example.org", NONE "'example.org'", -1 },
		{ "192.168.7.0/23",
		  "--allow-net 192.168.7.0/23: the address has bits beyond the first 23", -1 },
		{ "fd12::1/64", "--allow-net fd12::1/64: the address has bits beyond the first 64",
		  -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		struct rules r;
		struct err e = { 0 };
		bool is_ok = rules_open(&a, &table[i].cidr, 1, &r, &e);

		assert_int_equal(is_ok, table[i].family >= 0);
		if (!is_ok) {
			assert_int_equal(e.kind, ERR_USAGE);
			assert_string_equal(e.msg, table[i].allowed);
			continue;
		}
		assert_int_equal(r.nallowed[table[i].family], 1);
		assert_int_equal(r.nallowed[!table[i].family], 0);
		assert_string_equal(r.allowed[table[i].family][0], table[i].allowed);
	}
}

/* Where the text stands in the rules; it must. */
static size_t at(const struct buf *b, const char *text)
{
	const char *found = strstr(buf_text(b), text);

	if (!found)
		fail_msg("no '%s' in\n%s", text, buf_text(b));
	return (size_t)(found - buf_text(b));
}

static void
this_host_is_refused_before_a_network_is_allowed_and_that_before_others_are_refused(void **state)
{
	static const char *const cidr[] = { "10.0.0.0/8", "fd12::/48", "172.20.0.0/16" };
	const struct rules_dns dns = { "192.0.0.8", false };
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct rules r;
	struct err e;

	(void)state;
	assert_true(rules_open(&a, cidr, 3, &r, &e));
	assert_true(rules_print(&r, "set host4 {}\n", &dns, &b));
	assert_int_equal(at(&b, "flush ruleset\n"), 0);
	at(&b, "set host4 {}\n");
	at(&b, "auto-merge; elements = { 10.0.0.0/8, 172.20.0.0/16 } }\n");
	at(&b, "auto-merge; elements = { fd12::/48 } }\n");
	assert_true(at(&b, "policy drop;") < at(&b, "oifname \"lo\" accept"));
	assert_true(at(&b, "ip daddr 192.0.0.8 meta l4proto udp th dport 53 accept") <
		    at(&b, "ip daddr @host4 goto refuse"));
	assert_true(at(&b, "ip6 daddr @host6 goto refuse") < at(&b, "ip daddr @allowed4 accept"));
	assert_true(at(&b, "ip6 daddr @allowed6 accept") < at(&b, "ip daddr @refused4 goto"));
	assert_true(at(&b, "ip6 daddr @refused6 goto") < at(&b, "ip6 daddr != { 2000::/3"));
}

static void every_refused_network_is_refused_behind_nat64_too(void **state)
{
	static const char *const pair[][2] = { { "10.0.0.0/8", "64:ff9b::a00:0/104" },
					       { "127.0.0.0/8", "64:ff9b::7f00:0/104" },
					       { "169.254.0.0/16", "64:ff9b::a9fe:0/112" },
					       { "172.16.0.0/12", "64:ff9b::ac10:0/108" },
					       { "192.168.0.0/16", "64:ff9b::c0a8:0/112" },
					       { "168.63.129.16/32", "64:ff9b::a83f:8110/128" },
					       { "0.0.0.0/8", "64:ff9b::0:0/104" },
					       { "224.0.0.0/4", "64:ff9b::e000:0/100" } };
	const struct rules_dns dns = { "100::53", true };
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct rules none = { 0 };

	(void)state;
	assert_true(rules_print(&none, "", &dns, &b));
	at(&b, "set allowed4 { type ipv4_addr; flags interval; auto-merge; }\n");
	at(&b, "ip6 daddr 100::53 meta l4proto { tcp, udp } th dport 53 accept");
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		at(&b, pair[i][0]);
		at(&b, pair[i][1]);
	}
}

static void a_hosts_addresses_are_its_loopbacks_at_least(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct err e;

	(void)state;
	assert_true(rules_host(&b, &e));
	at(&b, "127.0.0.1");
	at(&b, "64:ff9b::7f00:1/128");
	assert_true(at(&b, "set host4 {") < at(&b, "set host6 {"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_is_an_address_and_the_number_of_its_first_bits),
		cmocka_unit_test(
			this_host_is_refused_before_a_network_is_allowed_and_that_before_others_are_refused),
		cmocka_unit_test(every_refused_network_is_refused_behind_nat64_too),
		cmocka_unit_test(a_hosts_addresses_are_its_loopbacks_at_least),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
