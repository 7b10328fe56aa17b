// What most calls of cuBLAS and cuDNN need to answer.
#pragma once
#include <stdlib.h>

// Makes an object that nobody looks into.
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
