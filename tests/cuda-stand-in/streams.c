// Streams and graphs. Launched work is done at once; captured work waits until its graph is launched.
#include "stand_in.h"

#include <stdlib.h>
#include <string.h>

struct copy {
  void *to;
  const void *from;
  size_t length;
  struct copy *next;
};

struct graph {
  long kernels;
  struct copy *first, **last;
};

// The provider captures one stream at a time.
static struct graph *captured;
static const void *capturing_stream;
static int spoils_next_read;

int is_capturing(void) { return captured != NULL; }

int is_spoiled(void) {
  int spoils = spoils_next_read;
  spoils_next_read = 0;
  return spoils;
}

int capture_kernel(const void *stream) {
  if (!captured || stream != capturing_stream)
    return 0;
  captured->kernels++;
  return 1;
}

int capture_copy(const void *stream, void *to, const void *from, size_t length) {
  if (!captured || stream != capturing_stream)
    return 0;
  struct copy *it = malloc(sizeof *it);
  *it = (struct copy){to, from, length, NULL};
  *captured->last = it;
  captured->last = &it->next;
  return 1;
}

int cudaStreamBeginCapture(void *stream, int mode) {
  if (captured)
    return refuse(INVALID_VALUE, "cudaStreamBeginCapture");
  captured = calloc(1, sizeof *captured);
  captured->last = &captured->first;
  capturing_stream = stream;
  return SUCCESS;
}

int cudaStreamEndCapture(void *stream, void **graph) {
  if (!captured || stream != capturing_stream)
    return refuse(INVALID_VALUE, "cudaStreamEndCapture");
  tell("captured %ld kernels", captured->kernels);
  *graph = captured;
  captured = NULL;
  capturing_stream = NULL;
  return SUCCESS;
}

int cudaStreamIsCapturing(void *stream, int *status) {
  *status = captured && stream == capturing_stream;
  return SUCCESS;
}

int cudaGraphInstantiate(void **instance, void *graph, unsigned long long flags) {
  *instance = graph;
  return SUCCESS;
}

int cudaGraphLaunch(struct graph *graph, void *stream) {
  for (struct copy *it = graph->first; it; it = it->next) {
    if (memory_of(it->to, it->length) != DEVICE || memory_of(it->from, it->length) == UNREGISTERED)
      return refuse(INVALID_VALUE, "cudaGraphLaunch, for memory that is gone");
    memmove(it->to, it->from, it->length);
  }
  tell("replayed %ld kernels", graph->kernels);
  spoils_next_read = getenv("CUDA_STAND_IN_SPOIL_REPLAYS") != NULL;
  return SUCCESS;
}

int cudaGraphDestroy(void *graph) { return SUCCESS; }

int cudaGraphExecDestroy(struct graph *graph) {
  while (graph->first) {
    struct copy *gone = graph->first;
    graph->first = gone->next;
    free(gone);
  }
  free(graph);
  return SUCCESS;
}

int cudaStreamCreate(void **stream) { return new_handle(stream); }
int cudaStreamCreateWithFlags(void **stream, unsigned flags) { return new_handle(stream); }

int cudaStreamDestroy(void *stream) {
  free(stream);
  return SUCCESS;
}

int cudaStreamSynchronize(void *stream) {
  FORBIDDEN_IN_CAPTURE("cudaStreamSynchronize");
  return SUCCESS;
}

int cudaDeviceSynchronize(void) {
  FORBIDDEN_IN_CAPTURE("cudaDeviceSynchronize");
  return SUCCESS;
}

int cudaStreamWaitEvent(void *stream, void *event, unsigned flags) { return SUCCESS; }
int cudaEventCreate(void **event) { return new_handle(event); }
int cudaEventCreateWithFlags(void **event, unsigned flags) { return new_handle(event); }

int cudaEventDestroy(void *event) {
  free(event);
  return SUCCESS;
}

int cudaEventRecord(void *event, void *stream) { return SUCCESS; }
int cudaEventRecordWithFlags(void *event, void *stream, unsigned flags) { return SUCCESS; }

int cudaEventSynchronize(void *event) {
  FORBIDDEN_IN_CAPTURE("cudaEventSynchronize");
  return SUCCESS;
}

int cudaEventElapsedTime(float *milliseconds, void *from, void *to) {
  *milliseconds = 1;
  return SUCCESS;
}

int cudaLaunchHostFunc(void *stream, void (*function)(void *), void *data) {
  if (capture_kernel(stream))
    return refuse(NOT_SUPPORTED, "cudaLaunchHostFunc in a capture");
  function(data);
  return SUCCESS;
}
