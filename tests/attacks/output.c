#include "tests/attacks/attacks.h"

static void flood_fd(int which)
{
	static char page[65536];
	memset(page, 'x', sizeof(page));
	for (int fd = which ? which : 1;; fd = which ? which : 3 - fd)
		if (write(fd, page, sizeof(page)) < 0)
			return;
}

static long flood_out(void)
{
	flood_fd(1);
	return -1;
}

static long flood_err(void)
{
	flood_fd(2);
	return -1;
}

static long flood_both(void)
{
	flood_fd(0);
	return -1;
}

static long drip(void)
{
	for (;;) {
		if (write(1, ".", 1) < 0)
			return -1;
		usleep(5000);
	}
}

static long binary(void)
{
	char page[256];
	for (size_t i = 0; i < sizeof(page); i++)
		page[i] = (char)(255 - i);
	for (int i = 0; i < 16; i++)
		if (write(1, page, sizeof(page)) < 0)
			return -1;
	return HELD;
}

/* Cut sequences of UTF-8, escapes that a terminal would obey, quotes that end a JSON string. */
static long escapes(void)
{
	static const char TEXT[] =
		"\xf0\x9f\x98\033]0;title\007\033[2J\"},\\u0000\xc0\xaf\xed\xa0\x80";
	return write(1, TEXT, sizeof(TEXT)) < 0 ? -1 : HELD;
}

static long endless_line(void)
{
	static char page[65536];
	memset(page, 'x', sizeof(page));
	for (int i = 0; i < 64; i++)
		if (write(1, page, sizeof(page)) < 0)
			return -1;
	return HELD;
}

/* Nothing of what it had is open, and files of its own stand there. */
static long closed(void)
{
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	for (int fd = 0; fd < 3; fd++)
		if (open("/tmp/fd", O_RDWR | O_CREAT | O_CLOEXEC, 0600) != fd)
			return REACHED;
	return HELD;
}

static void flood_on(void)
{
	be_deaf();
	flood_fd(1);
}

static long flood_after_end(void)
{
	return in_child(flood_on) > 0 ? HELD : -1;
}

static long both_ends(void)
{
	/* whoever reads its own output takes it away from the service, and no more */
	char page[4096];
	int fd = open("/proc/self/fd/1", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write(1, "taken", 5) != 5)
		return -1;
	while (read(fd, page, sizeof(page)) > 0)
		;
	return HELD;
}

#define FLOOD .verdict = "wall", .hint = "output", .wall_ms = 100

const struct attack output_attacks[] = {
	ATTACK("flood_out", "a flood on stdout", "output limit", flood_out, FLOOD),
	ATTACK("flood_err", "a flood on stderr", "output limit", flood_err, FLOOD),
	ATTACK("flood_both", "a flood on both", "output limit", flood_both, FLOOD),
	ATTACK("drip", "a byte now and then, for ever", "wall clock", drip, .verdict = "wall",
	       .wall_ms = 100, .without = "wall", .weak_as = "root"),
	ATTACK("binary", "all bytes from 255 to NUL", "kept as they are", binary),
	ATTACK("escapes", "broken UTF-8, terminal escapes", "kept as they are", escapes),
	ATTACK("endless_line", "a line of 4 MiB", "output limit", endless_line, .hint = "output"),
	ATTACK("closed", "closes stdin, stdout and stderr", "a pipe of its own", closed),
	ATTACK("flood_after_end", "a child that floods on after it", "pid namespace",
	       flood_after_end, .without = "pidns", .weak_as = "root"),
	ATTACK("both_ends", "reads its own output back", "a pipe of its own", both_ends),
	{ 0 },
};
