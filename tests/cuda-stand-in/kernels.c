// Kernels: they are registered and launched, and do nothing.
#include "stand_in.h"

#include <string.h>

struct sides {
  unsigned x, y, z;
};

static _Thread_local struct {
  struct sides grid, block;
  size_t shared_memory;
  void *stream;
} configuration;

unsigned __cudaPushCallConfiguration(struct sides grid, struct sides block, size_t shared_memory, void *stream) {
  configuration.grid = grid;
  configuration.block = block;
  configuration.shared_memory = shared_memory;
  configuration.stream = stream;
  return SUCCESS;
}

int __cudaPopCallConfiguration(struct sides *grid, struct sides *block, size_t *shared_memory, void **stream) {
  *grid = configuration.grid;
  *block = configuration.block;
  *shared_memory = configuration.shared_memory;
  *stream = configuration.stream;
  return SUCCESS;
}

int cudaLaunchKernel(const void *function, struct sides grid, struct sides block, void **arguments,
                     size_t shared_memory, void *stream) {
  capture_kernel(stream);
  return SUCCESS;
}

int __cudaLaunchKernel(const void *function, struct sides grid, struct sides block, void **arguments,
                       size_t shared_memory, void *stream) {
  capture_kernel(stream);
  return SUCCESS;
}

int cudaLaunchCooperativeKernel(const void *function, struct sides grid, struct sides block, void **arguments,
                                size_t shared_memory, void *stream) {
  capture_kernel(stream);
  return SUCCESS;
}

// cudaLaunchConfig_t, up to the stream.
struct launch {
  struct sides grid, block;
  size_t shared_memory;
  void *stream;
};

int cudaLaunchKernelExC(const struct launch *launch, const void *function, void **arguments) {
  capture_kernel(launch->stream);
  return SUCCESS;
}

void **__cudaRegisterFatBinary(void *binary) {
  static void *handle;
  return &handle;
}

void __cudaRegisterFatBinaryEnd(void **binary) {}
void __cudaUnregisterFatBinary(void **binary) {}
void __cudaRegisterFunction(void) {}
void __cudaRegisterVar(void) {}

int __cudaGetKernel(const void **kernel, const void *function) {
  *kernel = function;
  return SUCCESS;
}

// cudaFuncAttributes, up to the last member that has a value here.
struct function_attributes {
  size_t shared_memory, constant_memory, local_memory;
  int threads_per_block, registers, intermediate_version, binary_version;
};

int cudaFuncGetAttributes(struct function_attributes *it, const void *function) {
  *it = (struct function_attributes){0, 0, 0, 1024, 32, 90, 90};
  return SUCCESS;
}

int cudaFuncSetAttribute(void) { return SUCCESS; }
int cudaKernelSetAttributeForDevice(void) { return SUCCESS; }

int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks) {
  *blocks = 2;
  return SUCCESS;
}

int cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version, unsigned long long flags,
                                     int *status) {
  *function = NULL;
  if (status)
    *status = 1; // not found
  return SUCCESS;
}

int cudaLibraryLoadData(void **library) { return new_handle(library); }
int cudaLibraryGetKernel(void **kernel) { return new_handle(kernel); }
int cudaLibraryUnload(void *library) { return SUCCESS; }
