// The answers of most calls of cuBLAS and cuDNN.
#pragma once
#include <stdlib.h>

// Makes an object whose contents nobody reads.
#define MAKES(call)          \
  int call(void **object) {  \
    *object = calloc(1, 64); \
    return 0;                \
  }

#define RELEASES(call)     \
  int call(void *object) { \
    free(object);          \
    return 0;              \
  }

#define SUCCEEDS(call) \
  int call(void) { return 0; }
