/*
 * load PORT CONNECTIONS SECONDS RATE METHOD PATH [BODY] -- requests over kept connections, one at a
 * time on each. RATE 0: as many as go; else so many a second, whose delay counts from when they
 * were due. Prints "REQUESTS_A_SECOND P50_US P99_US".
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MOST (1 << 22)

static char request[65536];
static size_t nrequest;
static uint32_t *took;
static size_t ntook;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int dial(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		perror("connect");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct client {
	int fd;
	int is_busy;
	int64_t due;
};

static void send_one(struct client *c, int64_t due)
{
	c->is_busy = 1;
	c->due = due;
	if (write(c->fd, request, nrequest) != (ssize_t)nrequest) {
		perror("write");
		exit(1);
	}
}

static void receive(struct client *c)
{
	char answer[16384];
	ssize_t n = read(c->fd, answer, sizeof(answer) - 1);

	if (n <= 0 || memcmp(answer, "HTTP/1.1 200", 12) != 0) {
		fprintf(stderr, "answer: %.*s\n", n > 0 ? (int)n : 0, answer);
		exit(1);
	}
	c->is_busy = 0;
	if (ntook < MOST)
		took[ntook++] = (uint32_t)(now_us() - c->due);
}

int main(int argc, char **argv)
{
	int n = argc > 6 ? atoi(argv[2]) : 0, ep = epoll_create1(0);
	double seconds = n ? atof(argv[3]) : 0, rate = n ? atof(argv[4]) : 0;
	const char *body = argc > 7 ? argv[7] : "";
	struct client *client = calloc((size_t)n + 1, sizeof(*client));
	struct epoll_event ev[64];
	int64_t began, end, sent = 0;

	took = calloc(MOST, sizeof(*took));
	if (!n || !client || !took)
		return 2;
	nrequest = (size_t)snprintf(
		request, sizeof(request),
		"%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", argv[5], argv[6],
		*body ? "Content-Type: application/json\r\n" : "", strlen(body), body);
	for (int i = 0; i < n; i++) {
		client[i].fd = dial(atoi(argv[1]));
		ev[0] = (struct epoll_event){ .events = EPOLLIN, .data.ptr = &client[i] };
		epoll_ctl(ep, EPOLL_CTL_ADD, client[i].fd, &ev[0]);
	}
	began = now_us();
	end = began + (int64_t)(seconds * 1e6);
	while (now_us() < end) {
		for (int i = 0; i < n; i++) {
			int64_t due =
				rate > 0 ? began + (int64_t)((double)sent * 1e6 / rate) : now_us();

			if (client[i].is_busy || due > now_us())
				continue;
			send_one(&client[i], due);
			sent++;
		}
		int got = epoll_wait(ep, ev, 64, 1);

		for (int i = 0; i < got; i++)
			receive(ev[i].data.ptr);
	}
	qsort(took, ntook, sizeof(*took), by_size);
	printf("%.0f %u %u\n", (double)ntook / seconds, took[ntook / 2], took[ntook * 99 / 100]);
	return 0;
}
