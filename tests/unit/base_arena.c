#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	unsigned char *piece[300];

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		piece[i] = arena_zalloc(&a, i, 7);
		assert_int_equal((uintptr_t)piece[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < i * 7; k++)
			assert_int_equal(piece[i][k], 0);
		memset(piece[i], (int)(i % 251) + 1, i * 7);
	}
	for (size_t i = 0; i < 300; i++)
		for (size_t k = 0; k < i * 7; k++)
			assert_int_equal(piece[i][k], i % 251 + 1);
}

static void a_large_piece_does_not_end_the_block_being_filled(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	char *before = arena_zalloc(&a, 1, 16), *large = arena_zalloc(&a, 1, 1 << 20);
	char *after = arena_zalloc(&a, 1, 16);

	(void)state;
	memset(before, 1, 16);
	memset(large, 2, 1 << 20);
	memset(after, 3, 16);
	assert_int_equal(before[15], 1);
	assert_int_equal(large[(1 << 20) - 1], 2);
}

static void none_of_something_is_not_null(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };

	(void)state;
	assert_non_null(arena_zalloc(&a, 0, 8));
	assert_non_null(arena_zalloc(&a, 8, 0));
}

static void text_is_copied_with_its_nul(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };

	(void)state;
	assert_string_equal(arena_strdup(&a, "whole"), "whole");
	assert_string_equal(arena_strndup(&a, "whole", 3), "who");
	assert_memory_equal(arena_strndup(&a, "a\0b", 3), "a\0b", 4);
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 12), "x-12");
}

static void a_freed_arena_can_be_used_again(void **state)
{
	struct arena a = { 0 };

	(void)state;
	arena_strdup(&a, "once");
	arena_free(&a);
	assert_null(a.last);
	assert_string_equal(arena_strdup(&a, "again"), "again");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(a_large_piece_does_not_end_the_block_being_filled),
		cmocka_unit_test(none_of_something_is_not_null),
		cmocka_unit_test(text_is_copied_with_its_nul),
		cmocka_unit_test(a_freed_arena_can_be_used_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
