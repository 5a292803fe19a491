#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

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
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
