/* A load client for Server-Sent Events: thousands of streams, a publisher, and the delay of every delivery.
 *
 *   cc -O2 -o sse_client sse_client.c && ./sse_client PORT
 *
 * One thread, one epoll. It takes commands on standard input, one a line, and answers each with one line of JSON:
 *
 *   open FILE AT_ONCE BLIND   open the streams that the file lists, a line each: CHANNEL<tab>TARGET<tab>HEADER; so many
 *                             at once. BLIND is 1 for servers that send no head before the first event.
 *   bus SOCKET                publish lines of `CHANNEL<tab>DATA` over a unix socket
 *   post TARGET               publish by POST over 16 connections; %d in the target is the channel
 *   redis SOCKET              publish to the Redis channel `CHANNEL`, as flask-sse wants it
 *   prime SECONDS             publish to each channel, again and again, until every stream has heard something
 *   run RATE WINDOW WARMUP S  publish RATE events a second (0: as fast as WINDOW undelivered events allow) for S seconds
 *   watch WARMUP SECONDS      publish nothing; delays are taken from the `at` of events whose type begins with `order.`
 *   part SECONDS              wait until all streams are over
 *   quit
 *
 * What it publishes carries a mark, ~<nanoseconds> <number>~, from which delay, gaps and repetitions are known.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { NEW, CONNECTING, ASKED, OPEN, OVER };
enum { BY_BUS = 1, BY_POST, BY_REDIS };
enum { MARK = 32, KEEP = 128, PUBLISHERS = 16, DATA_BYTES = 350, BUFFER = 1 << 18, OUT = 1 << 20, FINE = 64 };
#define SECOND 1000000000ull
#define PUBLISHER (1ull << 40) /* added to what epoll remembers of a publisher */

typedef struct {
	char *target, *header, kept[KEEP]; /* the end of what was read, where a mark or a word may be cut in two */
	int fd, channel, state, kept_bytes, told;
	uint32_t last;
} Stream;

typedef struct {
	int fd, busy, full, in_bytes, out_bytes, out_sent;
	char in[4096], *out;
} Publisher;

static Stream *streams;
static Publisher publishers[PUBLISHERS];
static int port, epoll, count, channels, blind, stamped, way, publisher_count, turn;
static char place[256];
static uint32_t *published, *audience;
static uint64_t opened, refused, over, told, last_told, frames, gaps, repeated, in_flight, sent, refusals, measuring;
static uint64_t delays[64 * FINE], measured;
static char buffer[BUFFER];

static void fail(const char *what) { fprintf(stderr, "sse_client: %s: %s\n", what, strerror(errno)); exit(1); }

static uint64_t clock_of(clockid_t clock) {
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}
static uint64_t now(void) { return clock_of(CLOCK_MONOTONIC); }

static void watch_fd(int how, int fd, uint32_t events, uint64_t who) {
	struct epoll_event event = {.events = events, .data.u64 = who};
	if (epoll_ctl(epoll, how, fd, &event)) fail("epoll_ctl");
}

/* Delays are counted in classes that are 1/64 of a power of two wide, so percentiles are right within 1.6 %. */
static void count_delay(uint64_t delay) {
	int power = 63 - __builtin_clzll(delay | 1);
	delays[power < 6 ? delay : (power - 5) * FINE + ((delay >> (power - 6)) & 63)]++;
	measured++;
}
static double percentile_ms(double share) {
	uint64_t wanted = share * measured, seen = 0;
	for (int i = 0; i < 64 * FINE; i++)
		if ((seen += delays[i]) > wanted)
			return i < FINE ? i / 1e6 : (double)((64ull + i % FINE) << (i / FINE - 1)) / 1e6;
	return 0;
}

/* ---- streams ---- */

static void begin(int number) {
	Stream *stream = &streams[number];
	int yes = 1, no_port_yet = 24 /* IP_BIND_ADDRESS_NO_PORT */;
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
	from.sin_addr.s_addr = htonl(0x7f000002 + number % 16); /* 28,000 ports are too few for what lies in TIME_WAIT */
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) < 0) fail("socket");
	setsockopt(stream->fd, IPPROTO_IP, no_port_yet, &yes, sizeof yes);
	if (bind(stream->fd, (void *)&from, sizeof from)) fail("bind");
	if (connect(stream->fd, (void *)&to, sizeof to) && errno != EINPROGRESS) fail("connect");
	stream->state = CONNECTING;
	watch_fd(EPOLL_CTL_ADD, stream->fd, EPOLLOUT, number);
}

static void end(Stream *stream) {
	if (stream->state == OVER) return;
	*(stream->state == OPEN ? &over : &refused) += 1;
	stream->state = OVER;
	close(stream->fd);
}

static void ask(Stream *stream, uint64_t number) {
	char request[2048];
	int size = snprintf(request, sizeof request,
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n%s%s\r\n", stream->target, port,
		stream->header, *stream->header ? "\r\n" : "");
	if (send(stream->fd, request, size, MSG_NOSIGNAL) != size) { end(stream); return; }
	stream->state = ASKED;
	if (blind) { stream->state = OPEN; opened++; }
	watch_fd(EPOLL_CTL_MOD, stream->fd, EPOLLIN, number);
}

static uint64_t digits(const char *from, int many) {
	uint64_t value = 0;
	while (many--) value = value * 10 + (*from++ - '0');
	return value;
}

static void take_mark(Stream *stream, const char *mark, uint64_t at) {
	uint64_t since = digits(mark + 1, 19);
	uint32_t number = digits(mark + 21, 10);
	frames++;
	if (in_flight) in_flight--;
	if (stream->last && number > stream->last + 1) gaps += number - stream->last - 1;
	if (stream->last && number <= stream->last) repeated++;
	stream->last = number;
	if (measuring && since >= measuring && at > since) count_delay(at - since);
}

/* "at":"2026-01-31T12:00:00.123456+00:00", written by the database in the statement that changed the order */
static void take_stamp(const char *text, uint64_t at) {
	struct tm day = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &day);
	uint64_t since = timegm(&day) * SECOND, unit = SECOND / 10;
	if (rest && *rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10) since += (*rest - '0') * unit;
	frames++;
	if (measuring && since >= measuring && at > since) count_delay(at - since);
}

static void keep_end(Stream *stream, const char *from, int size) {
	stream->kept_bytes = size > KEEP ? KEEP : size;
	memcpy(stream->kept, from + size - stream->kept_bytes, stream->kept_bytes);
}

static void take(Stream *stream, char *text, char *end_of_text) {
	uint64_t at = measuring ? clock_of(stamped ? CLOCK_REALTIME : CLOCK_MONOTONIC) : 0;
	char *from = text, *found;
	if (stamped) {
		while ((found = memmem(from, end_of_text - from, "event: order.", 13))) {
			char *stamp = memmem(found, end_of_text - found, "\"at\":\"", 6);
			if (!stamp || end_of_text - stamp < 48) { from = found; break; }
			take_stamp(stamp + 6, at);
			from = stamp + 6;
		}
		if (!found) from = end_of_text - from > 12 ? end_of_text - 12 : from;
	} else {
		while ((found = memchr(from, '~', end_of_text - from)) && end_of_text - found >= MARK) {
			int whole = found[20] == ' ' && found[MARK - 1] == '~';
			if (whole) take_mark(stream, found, at);
			from = found + (whole ? MARK : 1);
		}
		from = found ? found : end_of_text;
	}
	keep_end(stream, from, end_of_text - from);
}

static void read_stream(Stream *stream) {
	char *text = buffer + KEEP;
	ssize_t size = recv(stream->fd, text, BUFFER - KEEP, 0);
	if (size < 0 && errno == EAGAIN) return;
	if (size <= 0) { end(stream); return; }
	if (stream->state == ASKED) {
		if (size < 12 || memcmp(text + 8, " 200", 4)) {
			if (!refused) fprintf(stderr, "sse_client: refused: %.*s\n", (int)(size > 500 ? 500 : size), text);
			end(stream);
			return;
		}
		stream->state = OPEN;
		opened++;
	}
	if (!stream->told && memmem(text, size, "event: bye", 10)) { stream->told = 1; told++; last_told = now(); }
	text -= stream->kept_bytes;
	memcpy(text, stream->kept, stream->kept_bytes);
	take(stream, text, buffer + KEEP + size);
}

/* ---- publishing ---- */

static void connect_publisher(Publisher *one) {
	int unix_socket = way != BY_POST, yes = 1;
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(path.sun_path, sizeof path.sun_path, "%.100s", place);
	if ((one->fd = socket(unix_socket ? AF_UNIX : AF_INET, SOCK_STREAM, 0)) < 0) fail("socket");
	if (unix_socket ? connect(one->fd, (void *)&path, sizeof path) : connect(one->fd, (void *)&to, sizeof to))
		fail("connect the publisher");
	if (!unix_socket) setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	fcntl(one->fd, F_SETFL, O_NONBLOCK);
	one->busy = one->full = one->in_bytes = one->out_bytes = one->out_sent = 0;
	if (!one->out) one->out = malloc(OUT);
	watch_fd(EPOLL_CTL_ADD, one->fd, EPOLLIN, PUBLISHER + (one - publishers));
}

static void publish_by(int new_way, const char *where) {
	way = new_way;
	snprintf(place, sizeof place, "%s", where);
	publisher_count = way == BY_POST ? PUBLISHERS : 1;
	for (int i = 0; i < publisher_count; i++) connect_publisher(&publishers[i]);
	printf("{\"publishers\": %d}\n", publisher_count);
}

static void flush_publisher(Publisher *one) {
	while (one->out_sent < one->out_bytes) {
		ssize_t done = send(one->fd, one->out + one->out_sent, one->out_bytes - one->out_sent, MSG_NOSIGNAL);
		if (done < 0 && errno != EAGAIN) fail("publish");
		if (one->full != (done < 0)) {
			one->full = done < 0;
			watch_fd(EPOLL_CTL_MOD, one->fd, EPOLLIN | (one->full ? EPOLLOUT : 0), PUBLISHER + (one - publishers));
		}
		if (done < 0) return;
		one->out_sent += done;
	}
	one->out_bytes = one->out_sent = 0;
}

static void read_publisher(Publisher *one) {
	ssize_t size = recv(one->fd, one->in + one->in_bytes, sizeof one->in - 1 - one->in_bytes, 0);
	if (size < 0 && errno == EAGAIN) return;
	if (size <= 0) {
		if (way != BY_POST) fail("the publisher's connection ended");
		if (one->busy) refusals++;
		close(one->fd);
		connect_publisher(one);
		return;
	}
	if (way != BY_POST) return; /* Redis tells how many heard it */
	one->in[one->in_bytes += size] = 0;
	char *body = strstr(one->in, "\r\n\r\n"), *length = strcasestr(one->in, "content-length:");
	if (!body || (length && length < body && one->in_bytes < body + 4 - one->in + atoi(length + 15))) return;
	if (one->in[9] != '2' && !refusals++) fprintf(stderr, "sse_client: not published: %s\n", one->in);
	one->busy = one->in_bytes = 0;
}

static int write_data(char *data, int channel, uint64_t since) {
	int size = sprintf(data, "{\"type\":\"order.status_changed\",\"order\":{\"id\":%d,\"status\":\"SHIPPED\",\"version\":5},"
		"\"mark\":\"~%019lu %010u~\",\"note\":\"", 1000 + channel, (unsigned long)since, ++published[channel]);
	while (size < DATA_BYTES - 2) data[size++] = 'x';
	return size + sprintf(data + size, "\"}");
}

/* 0 when nobody is free to publish. */
static int publish(int channel, uint64_t since) {
	Publisher *one = &publishers[turn = (turn + 1) % publisher_count];
	for (int tries = 1; one->busy && tries < publisher_count; tries++)
		one = &publishers[turn = (turn + 1) % publisher_count];
	if (one->busy || one->out_bytes > OUT - 4096) return 0;
	char data[512], body[1024], target[256], *out = one->out + one->out_bytes;
	int size = write_data(data, channel, since), whole;
	if (way == BY_BUS) {
		one->out_bytes += sprintf(out, "%d\t%s\n", channel, data);
	} else if (way == BY_REDIS) {
		whole = sprintf(body, "{\"data\":%s,\"type\":\"order\"}", data);
		int digits_of_channel = snprintf(target, sizeof target, "%d", channel);
		one->out_bytes += sprintf(out, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", digits_of_channel, target, whole, body);
	} else {
		snprintf(target, sizeof target, place, channel);
		one->out_bytes += sprintf(out, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
			"Content-Length: %d\r\n\r\n%s", target, size, data);
		one->busy = 1;
		flush_publisher(one);
	}
	sent++;
	in_flight += audience[channel];
	return 1;
}

/* ---- the loop ---- */

static void turn_loop(uint64_t wait) {
	struct epoll_event events[256];
	struct timespec limit = {wait / SECOND, wait % SECOND};
	for (int i = 0; i < publisher_count; i++)
		if (way != BY_POST && publishers[i].out_bytes) flush_publisher(&publishers[i]);
	int many = epoll_pwait2(epoll, events, 256, &limit, NULL);
	for (int i = 0; i < many; i++) {
		uint64_t who = events[i].data.u64;
		if (who >= PUBLISHER) {
			if (events[i].events & EPOLLOUT) flush_publisher(&publishers[who - PUBLISHER]);
			if (events[i].events & ~EPOLLOUT) read_publisher(&publishers[who - PUBLISHER]);
		} else if (streams[who].state == CONNECTING) {
			ask(&streams[who], who);
		} else if (streams[who].state != OVER) {
			read_stream(&streams[who]);
		}
	}
}

static void open_streams(const char *file, int at_once) {
	FILE *list = fopen(file, "r");
	char *line = NULL;
	size_t room = 0;
	if (!list) fail(file);
	for (count = 0; getline(&line, &room, list) > 0; count++) {
		streams = realloc(streams, (count + 1) * sizeof *streams);
		streams[count] = (Stream){.channel = atoi(strtok(line, "\t\n")), .state = NEW};
		streams[count].target = strdup(strtok(NULL, "\t\n"));
		char *header = strtok(NULL, "\t\n");
		streams[count].header = strdup(header ? header : "");
		if (streams[count].channel >= channels) channels = streams[count].channel + 1;
	}
	fclose(list);
	published = calloc(channels, sizeof *published);
	audience = calloc(channels, sizeof *audience);
	for (int i = 0; i < count; i++) audience[streams[i].channel]++;
	uint64_t began = now(), next = 0;
	while (opened + refused < (uint64_t)count && now() - began < 120 * SECOND) {
		while (next < (uint64_t)count && next - opened - refused < (uint64_t)at_once) begin(next++);
		/* Without an answer, nothing but time says that the server has accepted them. */
		for (uint64_t until = now() + SECOND / 10; blind && now() < until;) turn_loop(SECOND / 100);
		turn_loop(SECOND / 20);
	}
	printf("{\"open\": %lu, \"refused\": %lu, \"seconds\": %.4f}\n", opened, refused, (now() - began) / 1e9);
}

static void prime(double seconds) {
	uint64_t ends = now() + seconds * SECOND, deaf = count, again = 0;
	while (deaf && now() < ends) {
		if (now() >= again) {
			for (int channel = 0; channel < channels; channel++)
				while (!publish(channel, now())) turn_loop(SECOND / 100);
			again = now() + SECOND;
		}
		turn_loop(SECOND / 100);
		deaf = 0;
		for (int i = 0; i < count; i++) deaf += !streams[i].last;
	}
	printf("{\"deaf\": %lu}\n", deaf);
}

static double used_seconds(void) {
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* With publishing at `rate`, or with `window` events in flight where it is 0; without either nothing is published. */
static void run(double rate, int window, double warmup, double seconds) {
	uint64_t began = now(), from = began + warmup * SECOND, ends = from + seconds * SECOND, due = 0, first = 0;
	uint64_t gaps_before = gaps, repeated_before = repeated, over_before = over, moved = began, seen = frames;
	uint64_t most = (uint64_t)window * count / (channels ? channels : 1);
	double used = 0, interval = rate > 0 ? SECOND / rate : 0;
	memset(delays, 0, sizeof delays);
	measured = measuring = in_flight = 0;
	for (uint64_t at; (at = now()) < ends;) {
		uint64_t wait = SECOND / 20;
		if (!measuring && at >= from) {
			measuring = stamped ? clock_of(CLOCK_REALTIME) : at;
			first = frames, used = used_seconds(), from = at;
		}
		if (rate > 0) {
			int free = 1;
			while (free && began + (uint64_t)(due * interval) <= at)
				due += free = publish(random() % channels, began + (uint64_t)(due * interval));
			uint64_t next = began + (uint64_t)(due * interval);
			at = now();
			wait = next <= at ? !free * (SECOND / 1000) : next - at < wait ? next - at : wait;
		} else if (window) {
			while (in_flight < most && publish(random() % channels, now()));
			if (frames != seen) seen = frames, moved = at;
			else if (at - moved > SECOND) in_flight = 0, moved = at; /* something was lost: the end will tell */
		}
		turn_loop(wait);
	}
	double took = (now() - from) / 1e9, busy = (used_seconds() - used) / took;
	uint64_t delivered = frames - first;
	measuring = 0;
	for (uint64_t limit = now() + 3 * SECOND; in_flight && now() < limit;) turn_loop(SECOND / 100);
	printf("{\"rate\": %.1f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"measured\": %lu, \"busy\": %.3f, \"gaps\": %lu, "
		"\"repeated\": %lu, \"ended\": %lu, \"missing\": %lu, \"refusals\": %lu}\n", delivered / took, percentile_ms(0.5),
		percentile_ms(0.99), measured, busy, gaps - gaps_before, repeated - repeated_before, over - over_before,
		in_flight, refusals);
}

static void part(double seconds) {
	uint64_t ends = now() + seconds * SECOND;
	while (over < opened && now() < ends) turn_loop(SECOND / 20);
	printf("{\"told\": %lu, \"ended\": %lu, \"last_told\": %.4f, \"all_ended\": %.4f}\n", told, over, last_told / 1e9, now() / 1e9);
}

int main(int arguments, char **argument) {
	char line[512], text[256];
	double rate, warmup, seconds;
	int number;
	if (arguments != 2) { fprintf(stderr, "usage: sse_client PORT\n"); return 2; }
	port = atoi(argument[1]);
	epoll = epoll_create1(0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "open %255s %d %d", text, &number, &blind) == 3) open_streams(text, number);
		else if (sscanf(line, "bus %255s", text) == 1) publish_by(BY_BUS, text);
		else if (sscanf(line, "post %255s", text) == 1) publish_by(BY_POST, text);
		else if (sscanf(line, "redis %255s", text) == 1) publish_by(BY_REDIS, text);
		else if (sscanf(line, "prime %lf", &seconds) == 1) prime(seconds);
		else if (sscanf(line, "run %lf %d %lf %lf", &rate, &number, &warmup, &seconds) == 4) run(rate, number, warmup, seconds);
		else if (sscanf(line, "watch %lf %lf", &warmup, &seconds) == 2) { stamped = 1; run(0, 0, warmup, seconds); }
		else if (sscanf(line, "part %lf", &seconds) == 1) part(seconds);
		else if (!strncmp(line, "quit", 4)) break;
		else { fprintf(stderr, "sse_client: unknown: %s", line); return 2; }
	}
	struct linger at_once = {1, 0};
	for (int i = 0; i < count; i++)
		if (streams[i].state != OVER && streams[i].state != NEW)
			setsockopt(streams[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	return 0;
}
