// Memory: it is the host's, with a list of all allocations. A copy must stay within one of them.
#include "stand_in.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct allocation {
  char *start;
  size_t length;
  int kind;
  struct allocation *next;
};

static struct allocation *allocations;
static size_t on_device;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int memory_of(const void *start, size_t length) {
  const char *first = start;
  int kind = UNREGISTERED;
  pthread_mutex_lock(&lock);
  for (struct allocation *it = allocations; it; it = it->next)
    if (first >= it->start && first + length <= it->start + it->length)
      kind = it->kind;
  pthread_mutex_unlock(&lock);
  return kind;
}

// How much memory the device has.
static size_t capacity(void) {
  const char *megabytes = getenv("CUDA_STAND_IN_MEGABYTES");
  return (megabytes ? strtoul(megabytes, NULL, 10) : 80UL << 10) << 20;
}

static int allocate(void **start, size_t length, int kind) {
  if (kind == DEVICE && on_device + length > capacity())
    return refuse(OUT_OF_MEMORY, "an allocation");
  struct allocation *it = malloc(sizeof *it);
  if (!it || posix_memalign(start, 512, length ? length : 1))
    return refuse(OUT_OF_MEMORY, "an allocation");
  memset(*start, 0, length);
  *it = (struct allocation){*start, length, kind, NULL};
  pthread_mutex_lock(&lock);
  it->next = allocations;
  allocations = it;
  if (kind == DEVICE)
    on_device += length;
  size_t in_all = on_device;
  pthread_mutex_unlock(&lock);
  if (kind == DEVICE)
    tell("allocated %zu, %zu in all", length, in_all);
  return SUCCESS;
}

static int release(void *start, const char *call) {
  if (!start)
    return SUCCESS;
  pthread_mutex_lock(&lock);
  struct allocation **it = &allocations;
  while (*it && (*it)->start != start)
    it = &(*it)->next;
  struct allocation *found = *it;
  if (found) {
    *it = found->next;
    if (found->kind == DEVICE)
      on_device -= found->length;
  }
  pthread_mutex_unlock(&lock);
  if (!found)
    return refuse(INVALID_VALUE, call);
  // Whoever uses it later should see that it is gone.
  memset(start, 0xff, found->length);
  free(start);
  free(found);
  return SUCCESS;
}

int cudaMalloc(void **start, size_t length) {
  FORBIDDEN_IN_CAPTURE("cudaMalloc");
  return allocate(start, length, DEVICE);
}

int cudaFree(void *start) {
  FORBIDDEN_IN_CAPTURE("cudaFree");
  return release(start, "cudaFree");
}

int cudaHostAlloc(void **start, size_t length, unsigned flags) {
  FORBIDDEN_IN_CAPTURE("cudaHostAlloc");
  return allocate(start, length, HOST);
}

int cudaMallocHost(void **start, size_t length) { return cudaHostAlloc(start, length, 0); }

int cudaFreeHost(void *start) {
  FORBIDDEN_IN_CAPTURE("cudaFreeHost");
  return release(start, "cudaFreeHost");
}

int cudaMemGetInfo(size_t *available, size_t *total) {
  *total = capacity();
  *available = *total - on_device;
  return SUCCESS;
}

struct pointer_attributes {
  int kind, device;
  void *on_device, *on_host;
};

int cudaPointerGetAttributes(struct pointer_attributes *it, const void *at) {
  it->kind = memory_of(at, 1);
  it->device = 0;
  it->on_device = (void *)at;
  it->on_host = it->kind == HOST ? (void *)at : NULL;
  return SUCCESS;
}

static const char *const DIRECTIONS[] = {"host to host", "host to device", "device to host", "device to device"};

// Whether both ends agree with the direction (cudaMemcpyKind).
static int is_allowed(void *to, const void *from, size_t length, int direction) {
  int to_device = direction == 1 || direction == 3, from_device = direction >= 2;
  return direction >= 0 && direction <= 3 && (memory_of(to, length) == DEVICE) == to_device &&
         (memory_of(from, length) == DEVICE) == from_device;
}

static int copy(void *to, const void *from, size_t length, int direction) {
  if (length && !is_allowed(to, from, length, direction))
    return refuse(INVALID_VALUE, "a copy");
  memmove(to, from, length);
  tell("copied %s: %zu", DIRECTIONS[direction], length);
  if (direction == 2 && length >= sizeof(float) && is_spoiled())
    *(float *)to += 1;
  return SUCCESS;
}

int cudaMemcpy(void *to, const void *from, size_t length, int direction) {
  FORBIDDEN_IN_CAPTURE("cudaMemcpy");
  return copy(to, from, length, direction);
}

int cudaMemcpyAsync(void *to, const void *from, size_t length, int direction, void *stream) {
  if (length && !is_allowed(to, from, length, direction))
    return refuse(INVALID_VALUE, "a copy");
  if (capture_copy(stream, to, from, length))
    return SUCCESS;
  return copy(to, from, length, direction);
}

int cudaMemcpy2DAsync(char *to, size_t to_pitch, const char *from, size_t from_pitch, size_t width, size_t height,
                      int direction, void *stream) {
  int error = SUCCESS;
  for (size_t row = 0; row < height && !error; row++)
    error = cudaMemcpyAsync(to + row * to_pitch, from + row * from_pitch, width, direction, stream);
  return error;
}

int cudaMemcpyFromSymbol(void *to, const void *symbol, size_t length, size_t offset, int direction) {
  memset(to, 0, length);
  return SUCCESS;
}

int cudaMemset(void *at, int value, size_t length) {
  FORBIDDEN_IN_CAPTURE("cudaMemset");
  memset(at, value, length);
  return SUCCESS;
}

int cudaMemsetAsync(void *at, int value, size_t length, void *stream) {
  if (memory_of(at, length) != DEVICE)
    return refuse(INVALID_VALUE, "cudaMemsetAsync");
  if (!capture_kernel(stream))
    memset(at, value, length);
  return SUCCESS;
}

// The device does not have memory pools.
#define ABSENT(call) \
  int call(void) { return refuse(NOT_SUPPORTED, #call); }
ABSENT(cudaFreeAsync)
ABSENT(cudaMallocFromPoolAsync)
ABSENT(cudaMemPoolCreate)
ABSENT(cudaMemPoolDestroy)
ABSENT(cudaMemPoolGetAttribute)
ABSENT(cudaMemPoolSetAttribute)
ABSENT(cudaMemPoolTrimTo)
