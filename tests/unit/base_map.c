#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/map.h"

static void an_empty_map_has_nothing(void **state)
{
	struct map m = { 0 };
	size_t at = 0;

	(void)state;
	assert_null(map_get(&m, "a", 1));
	assert_null(map_del(&m, "a", 1));
	assert_null(map_next(&m, &at));
	map_close(&m);
}

static void keys_are_bytes_with_their_length(void **state)
{
	CLEAN_MAP struct map m = { 0 };
	int one = 1, two = 2, three = 3;

	(void)state;
	assert_null(map_set(&m, "a\0b", 3, &one));
	assert_null(map_set(&m, "a", 1, &two));
	assert_null(map_set(&m, "", 0, &three));
	assert_ptr_equal(map_get(&m, "a\0b", 3), &one);
	assert_ptr_equal(map_get(&m, "a", 1), &two);
	assert_ptr_equal(map_get(&m, NULL, 0), &three);
	assert_null(map_get(&m, "a\0c", 3));
	assert_ptr_equal(map_set(&m, "a", 1, &three), &two);
	assert_int_equal(m.n, 3);
}

/* Against the plainest of models: an array of what should be there. */
static void it_agrees_with_an_array_after_many_changes(void **state)
{
	enum { KEYS = 500 };
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_MAP struct map m = { 0 };
	char *key[KEYS], *model[KEYS] = { 0 };
	unsigned chance = 12345;
	size_t n = 0, at = 0, seen = 0;

	(void)state;
	for (size_t i = 0; i < KEYS; i++)
		key[i] = arena_printf(&a, "key-%zu", i);
	for (int i = 0; i < 20000; i++) {
		size_t k = (chance = chance * 1103515245 + 12345) / 65536 % KEYS;
		char *value = i % 3 ? key[k] : NULL;
		char *was = value ? map_set(&m, key[k], strlen(key[k]), value)
				  : map_del(&m, key[k], strlen(key[k]));

		assert_ptr_equal(was, model[k]);
		model[k] = value;
	}
	for (size_t i = 0; i < KEYS; i++) {
		assert_ptr_equal(map_get(&m, key[i], strlen(key[i])), model[i]);
		n += model[i] != NULL;
	}
	while (map_next(&m, &at))
		seen++;
	assert_int_equal(m.n, n);
	assert_int_equal(seen, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(keys_are_bytes_with_their_length),
		cmocka_unit_test(it_agrees_with_an_array_after_many_changes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
