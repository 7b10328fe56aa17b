// The device: there is one, of compute capability 9.0, and it is always idle.
#include "stand_in.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int last_error;

void tell(const char *format, ...) {
  const char *path = getenv("CUDA_STAND_IN_LOG");
  if (!path)
    return;
  pthread_mutex_lock(&log_lock);
  static FILE *file;
  if (!file)
    file = fopen(path, "a");
  if (file) {
    va_list values;
    va_start(values, format);
    vfprintf(file, format, values);
    va_end(values);
    fputc('\n', file);
    fflush(file);
  }
  pthread_mutex_unlock(&log_lock);
}

int refuse(int error, const char *call) {
  tell("refused %s: %d", call, error);
  last_error = error;
  return error;
}

int new_handle(void **handle) {
  *handle = calloc(1, 64);
  return *handle ? SUCCESS : OUT_OF_MEMORY;
}

int cudaGetLastError(void) {
  int error = last_error;
  last_error = SUCCESS;
  return error;
}

int cudaPeekAtLastError(void) { return last_error; }

const char *cudaGetErrorName(int error) {
  return error == CAPTURE_UNSUPPORTED ? "cudaErrorStreamCaptureUnsupported" : "an error of the stand-in";
}

const char *cudaGetErrorString(int error) {
  return error == CAPTURE_UNSUPPORTED ? "operation not permitted when stream is capturing"
                                      : "refused by the stand-in for CUDA";
}

int cudaGetDeviceCount(int *count) {
  *count = 1;
  return SUCCESS;
}

int cudaGetDevice(int *device) {
  *device = 0;
  return SUCCESS;
}

int cudaSetDevice(int device) { return device ? refuse(INVALID_DEVICE, "cudaSetDevice") : SUCCESS; }

int cudaDriverGetVersion(int *version) {
  *version = 13000;
  return SUCCESS;
}

int cudaRuntimeGetVersion(int *version) {
  *version = 13000;
  return SUCCESS;
}

// cudaDeviceProp of CUDA 13, up to the last member that has a value here.
struct properties {
  char name[256], uuid[16], luid[8];
  unsigned luid_node_mask;
  size_t global_memory, shared_memory_per_block;
  int registers_per_block, warp_size;
  size_t pitch;
  int threads_per_block, block_sides[3], grid_sides[3];
  size_t constant_memory;
  int major, minor;
  size_t texture_alignment, texture_pitch_alignment;
  int multiprocessors, integrated, maps_host_memory, texture_sides[25], surface_sides[14];
  size_t surface_alignment;
  int concurrent_kernels, error_correction, bus, device, domain, compute_cluster, copy_engines;
  int unified_addressing, bus_width, cache_size, persisting_cache_size, threads_per_multiprocessor;
  int stream_priorities, global_cache, local_cache;
  size_t shared_memory_per_multiprocessor;
  int registers_per_multiprocessor, features[8], cooperative_launch;
  size_t shared_memory_per_block_on_request;
  int host_page_tables, direct_host_access, blocks_per_multiprocessor, access_window;
  size_t reserved_shared_memory_per_block;
};

int cudaGetDeviceProperties(struct properties *it, int device) {
  if (device)
    return refuse(INVALID_DEVICE, "cudaGetDeviceProperties");
  memset(it, 0, sizeof *it);
  strcpy(it->name, "a stand-in");
  it->global_memory = 80UL << 30;
  it->shared_memory_per_block = 48 << 10;
  it->shared_memory_per_block_on_request = 227 << 10;
  it->shared_memory_per_multiprocessor = 228 << 10;
  it->reserved_shared_memory_per_block = 1 << 10;
  it->registers_per_block = it->registers_per_multiprocessor = 65536;
  it->warp_size = 32;
  it->threads_per_block = it->block_sides[0] = it->block_sides[1] = 1024;
  it->block_sides[2] = 64;
  it->grid_sides[0] = 0x7fffffff;
  it->grid_sides[1] = it->grid_sides[2] = 65535;
  it->constant_memory = 64 << 10;
  it->texture_alignment = 512;
  it->major = 9;
  it->multiprocessors = 132;
  it->threads_per_multiprocessor = 2048;
  it->blocks_per_multiprocessor = 32;
  it->cache_size = 50 << 20;
  it->unified_addressing = it->cooperative_launch = 1;
  return SUCCESS;
}

// Attributes by their numbers in cudaDeviceAttr.
int cudaDeviceGetAttribute(int *value, int attribute, int device) {
  switch (attribute) {
  case 1: *value = 1024; break;        // threads per block
  case 8: *value = 48 << 10; break;    // shared memory per block
  case 10: *value = 32; break;         // warp size
  case 16: *value = 132; break;        // multiprocessors
  case 39: *value = 2048; break;       // threads per multiprocessor
  case 75: *value = 9; break;          // compute capability, major
  case 81: *value = 228 << 10; break;  // shared memory per multiprocessor
  case 97: *value = 227 << 10; break;  // shared memory per block on request
  case 106: *value = 32; break;        // blocks per multiprocessor
  default: *value = 0;
  }
  return SUCCESS;
}
