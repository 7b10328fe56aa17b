// Declarations that the parts of the stand-in for CUDA's runtime share.
#pragma once
#include <stddef.h>

// cudaError_t
enum {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  INVALID_DEVICE = 101,
  NOT_SUPPORTED = 801,
  CAPTURE_UNSUPPORTED = 900,
};

// cudaMemoryType
enum { UNREGISTERED = 0, HOST = 1, DEVICE = 2 };

// Adds a line to the log.
__attribute__((format(printf, 1, 2))) void tell(const char *format, ...);

// Logs a broken rule, stores the error for cudaGetLastError, and returns it.
int refuse(int error, const char *call);

// The kind of the live allocation that contains all of the bytes, or UNREGISTERED.
int memory_of(const void *start, size_t length);

// Whether any stream is capturing. Few calls are allowed then (mode "global").
int is_capturing(void);

#define FORBIDDEN_IN_CAPTURE(call)             \
  do {                                         \
    if (is_capturing())                        \
      return refuse(CAPTURE_UNSUPPORTED, call); \
  } while (0)

// Adds the call to the graph if its stream is capturing, and returns whether it did.
int capture_kernel(const void *stream);
int capture_copy(const void *stream, void *to, const void *from, size_t length);

// Whether the next copy to the host must be wrong; resets that.
int is_spoiled(void);

// Makes a new object whose contents nobody reads.
int new_handle(void **handle);
