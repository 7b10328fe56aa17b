// cuBLASLt: has one algorithm for every product, which does nothing.
#include "answers.h"

#include <string.h>

MAKES(cublasLtCreate) MAKES(cublasLtMatmulDescCreate) MAKES(cublasLtMatmulPreferenceCreate)
MAKES(cublasLtMatrixLayoutCreate) MAKES(cublasLtMatrixTransformDescCreate)

RELEASES(cublasLtDestroy) RELEASES(cublasLtMatmulDescDestroy)
RELEASES(cublasLtMatmulPreferenceDestroy) RELEASES(cublasLtMatrixLayoutDestroy)
RELEASES(cublasLtMatrixTransformDescDestroy)

// cublasLtMatmulHeuristicResult_t
struct algorithm {
  unsigned long long data[8];
  size_t workspace;
  int status;
  float waves;
  int reserved[4];
};

int cublasLtMatmulAlgoGetHeuristic(void *handle, void *operation, void *a, void *b, void *c, void *d, void *preference,
                                   int wanted, struct algorithm *algorithms, int *found) {
  memset(algorithms, 0, sizeof *algorithms);
  *found = 1;
  return 0;
}

SUCCEEDS(cublasLtMatmul) SUCCEEDS(cublasLtMatmulAlgoConfigSetAttribute)
SUCCEEDS(cublasLtMatmulAlgoInit) SUCCEEDS(cublasLtMatmulDescSetAttribute)
SUCCEEDS(cublasLtMatmulPreferenceSetAttribute) SUCCEEDS(cublasLtMatrixLayoutSetAttribute)
SUCCEEDS(cublasLtMatrixTransform)
