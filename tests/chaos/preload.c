/*
 * Loaded into a node before the C library (LD_PRELOAD): makes its disk fail or
 * dawdle and its wall clock jump, as a small shared file says. The monotonic
 * clock is left alone, as it is on a real machine.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SLICE_MS 5

struct control {
  int32_t sync_errno;    /* 0: syncs work */
  int32_t sync_delay_ms; /* before each sync */
  int64_t clock_offset_s;
};

static struct control nothing;
static volatile struct control *control = &nothing;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CHAOS_CONTROL");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void *shared = mmap(NULL, sizeof nothing, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (shared != MAP_FAILED) control = shared;
}

static int spoiled(void) {
  /* In slices: a delay that is taken back ends at once. */
  struct timespec slice = { 0, SLICE_MS * 1000000L };
  for (int32_t slept = 0; slept < control->sync_delay_ms; slept += SLICE_MS) {
    nanosleep(&slice, NULL);
  }
  if (control->sync_errno == 0) return 0;
  errno = control->sync_errno;
  return 1;
}

int fdatasync(int file) {
  static int (*real)(int);
  if (real == NULL) real = dlsym(RTLD_NEXT, "fdatasync");
  return spoiled() ? -1 : real(file);
}

int fsync(int file) {
  static int (*real)(int);
  if (real == NULL) real = dlsym(RTLD_NEXT, "fsync");
  return spoiled() ? -1 : real(file);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (real == NULL) real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    time->tv_sec += control->clock_offset_s;
  }
  return result;
}

int gettimeofday(struct timeval *time, void *zone) {
  static int (*real)(struct timeval *, void *);
  if (real == NULL) real = dlsym(RTLD_NEXT, "gettimeofday");
  int result = real(time, zone);
  if (result == 0) time->tv_sec += control->clock_offset_s;
  return result;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
