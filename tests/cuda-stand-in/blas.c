// cuBLAS: every product succeeds, and leaves its result unchanged.
#include "answers.h"

int cublasCreate_v2(void **handle) {
  *handle = calloc(1, 64);
  return 0;
}

int cublasDestroy_v2(void *handle) {
  free(handle);
  return 0;
}

int cublasGetMathMode(void *handle, int *mode) {
  *mode = 0;
  return 0;
}

const char *cublasGetStatusName(int status) { return "a status of the stand-in"; }
const char *cublasGetStatusString(int status) { return "a status of the stand-in"; }

SUCCEEDS(cublasDgeam) SUCCEEDS(cublasDgemmBatched) SUCCEEDS(cublasDgemmStridedBatched)
SUCCEEDS(cublasDgemm_v2) SUCCEEDS(cublasDgetrfBatched) SUCCEEDS(cublasDgetriBatched)
SUCCEEDS(cublasGemmBatchedEx) SUCCEEDS(cublasGemmEx) SUCCEEDS(cublasGemmStridedBatchedEx)
SUCCEEDS(cublasScopy_v2) SUCCEEDS(cublasSetMathMode) SUCCEEDS(cublasSetStream_v2)
SUCCEEDS(cublasSgeam) SUCCEEDS(cublasSgemmBatched) SUCCEEDS(cublasSgemmStridedBatched)
SUCCEEDS(cublasSgemm_v2) SUCCEEDS(cublasSgetrfBatched) SUCCEEDS(cublasSgetriBatched)
SUCCEEDS(cublasSscal_v2)
