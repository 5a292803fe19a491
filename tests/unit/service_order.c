#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "service/order.h"

#define MAX 16

struct fixture {
	struct order order;
	struct ticket ticket[MAX];
	char name[MAX];
	size_t n;
};

/* A ticket that next_is will know by its letter. */
static struct ticket *enter(struct fixture *f, char name, const char *tenant, int class)
{
	struct ticket *t = &f->ticket[f->n];

	f->name[f->n] = name;
	t->owner = &f->name[f->n++];
	t->class = class;
	order_enter(&f->order, t, tenant);
	return t;
}

/* All that is pending, in the order of its turns. */
static void assert_turns(struct fixture *f, const char *want)
{
	char got[MAX + 1] = "";
	struct ticket *t;

	for (size_t i = 0; i < MAX && (t = order_next(&f->order)); i++)
		got[i] = *(const char *)t->owner;
	assert_string_equal(got, want);
	assert_int_equal(f->order.npending, 0);
}

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	order_init(&f.order);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->n; i++)
		if (f->ticket[i].tenant)
			order_leave(&f->order, &f->ticket[i]);
	order_close(&f->order);
	return 0;
}

static void one_tenants_jobs_are_first_come_first_served(void **state)
{
	struct fixture *f = *state;

	enter(f, 'a', "x", 1);
	enter(f, 'b', "x", 1);
	enter(f, 'c', "x", 1);
	assert_turns(f, "abc");
}

static void tenants_take_turns(void **state)
{
	struct fixture *f = *state;

	enter(f, 'a', "x", 1);
	enter(f, 'b', "x", 1);
	enter(f, 'c', "x", 1);
	enter(f, 'd', "y", 1);
	enter(f, 'e', "z", 1);
	enter(f, 'f', "y", 1);
	assert_turns(f, "adebfc");
}

static void interactive_jobs_go_first(void **state)
{
	struct fixture *f = *state;

	enter(f, 'a', "x", 1);
	enter(f, 'b', "x", 0);
	enter(f, 'c', "y", 1);
	enter(f, 'd', "y", 0);
	assert_turns(f, "bdac");
}

static void who_withdraws_has_no_turn(void **state)
{
	struct fixture *f = *state;

	enter(f, 'a', "x", 1);
	order_withdraw(&f->order, enter(f, 'b', "y", 1));
	enter(f, 'c', "x", 1);
	order_withdraw(&f->order, &f->ticket[1]);
	assert_turns(f, "ac");
}

static void a_tenant_is_forgotten_with_its_last_ticket(void **state)
{
	struct fixture *f = *state;
	struct ticket *a = enter(f, 'a', "x", 1);
	struct ticket *b = enter(f, 'b', "x", 0);

	order_leave(&f->order, a);
	assert_ptr_equal(TAILQ_FIRST(order_of(&f->order, "x")), b);
	order_leave(&f->order, b);
	assert_null(order_of(&f->order, "x"));
	assert_turns(f, "");
}

static size_t two(void *ctx, const char *tenant)
{
	(void)ctx;
	return !strcmp(tenant, "x") ? 2 : 0;
}

static void a_tenant_that_runs_as_many_as_it_may_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct ticket *a = enter(f, 'a', "x", 1);

	f->order.most = two;
	for (int c = 'b'; c <= 'd'; c++)
		enter(f, (char)c, "x", 1);
	enter(f, 'e', "y", 1);
	assert_ptr_equal(order_next(&f->order), a);
	assert_int_equal(*(char *)order_next(&f->order)->owner, 'e');
	assert_int_equal(*(char *)order_next(&f->order)->owner, 'b');
	assert_null(order_next(&f->order));
	assert_int_equal(order_tenant(&f->order, "x")->npending, 2);
	assert_int_equal(order_tenant(&f->order, "x")->nrunning, 2);
	order_withdraw(&f->order, a);
	assert_int_equal(*(char *)order_next(&f->order)->owner, 'c');
	assert_null(order_next(&f->order));
}

static void a_thousand_of_one_tenant_delay_another_by_its_own_alone(void **state)
{
	static struct ticket many[1010];
	static char name[1010];
	struct fixture *f = *state;
	size_t at = 0, last = 0;
	struct ticket *t;

	for (size_t i = 0; i < 1010; i++) {
		name[i] = i < 1000 ? 'm' : 'f';
		many[i] = (struct ticket){ .owner = &name[i], .class = 1 };
		order_enter(&f->order, &many[i], i < 1000 ? "many" : "few");
	}
	for (; (t = order_next(&f->order)); at++)
		if (*(char *)t->owner == 'f')
			last = at;
	assert_int_equal(at, 1010);
	assert_int_equal(last, 19);
	for (size_t i = 0; i < 1010; i++)
		order_leave(&f->order, &many[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_tenants_jobs_are_first_come_first_served,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(tenants_take_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(interactive_jobs_go_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_withdraws_has_no_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_tenant_is_forgotten_with_its_last_ticket, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_tenant_that_runs_as_many_as_it_may_is_passed_over,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_thousand_of_one_tenant_delay_another_by_its_own_alone, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
