// cuDNN: has one engine for every graph of operations, which does nothing.
#include "answers.h"

#include <stdint.h>
#include <string.h>

size_t cudnnGetVersion(void) { return 91400; }
const char *cudnnGetErrorString(int status) { return "a status of the stand-in"; }

void cudnnGetLastErrorString(char *message, size_t length) {
  if (length)
    *message = 0;
}

struct handle {
  void *stream;
};

int cudnnCreate(struct handle **handle) {
  *handle = calloc(1, sizeof **handle);
  return 0;
}

int cudnnDestroy(struct handle *handle) {
  free(handle);
  return 0;
}

int cudnnSetStream(struct handle *handle, void *stream) {
  handle->stream = stream;
  return 0;
}

int cudnnGetStream(struct handle *handle, void **stream) {
  *stream = handle->stream;
  return 0;
}

int cudnnBackendCreateDescriptor(int type, void **descriptor) {
  *descriptor = calloc(1, 64);
  return 0;
}

int cudnnBackendDestroyDescriptor(void *descriptor) {
  free(descriptor);
  return 0;
}

int cudnnBackendFinalize(void *descriptor) { return 0; }
int cudnnBackendExecute(void *handle, void *plan, void *tensors) { return 0; }

int cudnnBackendSetAttribute(void *descriptor, int attribute, int type, int64_t count, const void *values) {
  return 0;
}

// Attributes and types by their numbers in cudnnBackendAttributeName_t and cudnnBackendAttributeType_t.
int cudnnBackendGetAttribute(void *descriptor, int attribute, int type, int64_t wanted, int64_t *count, void *values) {
  int64_t found = wanted < 1 ? wanted : 1;
  switch (attribute) {
  case 202:  // engine configurations that a heuristic has found
  case 300:  // the engine of a configuration
    found = 1;
    break;
  case 301:   // its intermediate results
  case 302:   // the choices for its knobs
  case 1302:  // its knobs
  case 1303:  // its numerical notes
  case 1305:  // its behaviour notes
    found = 0;
  }
  if (count)
    *count = found;
  if (values && wanted > 0 && found > 0) {
    if (type == 3)  // 64-bit integers
      *(int64_t *)values = 0;
    if (type == 23)  // 32-bit integers
      *(int32_t *)values = 0;
  }
  return 0;
}

MAKES(cudnnCreateActivationDescriptor) MAKES(cudnnCreateConvolutionDescriptor)
MAKES(cudnnCreateDropoutDescriptor) MAKES(cudnnCreateFilterDescriptor)
MAKES(cudnnCreateLRNDescriptor) MAKES(cudnnCreatePoolingDescriptor)
MAKES(cudnnCreateRNNDataDescriptor) MAKES(cudnnCreateRNNDescriptor)
MAKES(cudnnCreateReduceTensorDescriptor) MAKES(cudnnCreateTensorDescriptor)

RELEASES(cudnnDestroyActivationDescriptor) RELEASES(cudnnDestroyConvolutionDescriptor)
RELEASES(cudnnDestroyDropoutDescriptor) RELEASES(cudnnDestroyFilterDescriptor)
RELEASES(cudnnDestroyLRNDescriptor) RELEASES(cudnnDestroyPoolingDescriptor)
RELEASES(cudnnDestroyRNNDataDescriptor) RELEASES(cudnnDestroyRNNDescriptor)
RELEASES(cudnnDestroyReduceTensorDescriptor) RELEASES(cudnnDestroyTensorDescriptor)

SUCCEEDS(cudnnActivationForward) SUCCEEDS(cudnnAddTensor)
SUCCEEDS(cudnnBatchNormalizationForwardInference) SUCCEEDS(cudnnBatchNormalizationForwardTraining)
SUCCEEDS(cudnnConvolutionBiasActivationForward) SUCCEEDS(cudnnConvolutionForward)
SUCCEEDS(cudnnDeriveBNTensorDescriptor) SUCCEEDS(cudnnDropoutGetStatesSize)
SUCCEEDS(cudnnFindConvolutionForwardAlgorithmEx) SUCCEEDS(cudnnGetConvolutionForwardAlgorithm_v7)
SUCCEEDS(cudnnGetConvolutionForwardWorkspaceSize) SUCCEEDS(cudnnGetRNNTempSpaceSizes)
SUCCEEDS(cudnnGetRNNWeightParams) SUCCEEDS(cudnnGetReductionIndicesSize)
SUCCEEDS(cudnnGetReductionWorkspaceSize) SUCCEEDS(cudnnGetTensorNdDescriptor)
SUCCEEDS(cudnnLRNCrossChannelForward) SUCCEEDS(cudnnPoolingForward) SUCCEEDS(cudnnRNNForward)
SUCCEEDS(cudnnReduceTensor) SUCCEEDS(cudnnSetActivationDescriptor)
SUCCEEDS(cudnnSetConvolutionGroupCount) SUCCEEDS(cudnnSetConvolutionMathType)
SUCCEEDS(cudnnSetConvolutionNdDescriptor) SUCCEEDS(cudnnSetDropoutDescriptor)
SUCCEEDS(cudnnSetFilterNdDescriptor) SUCCEEDS(cudnnSetLRNDescriptor)
SUCCEEDS(cudnnSetPoolingNdDescriptor) SUCCEEDS(cudnnSetRNNDataDescriptor)
SUCCEEDS(cudnnSetRNNDescriptor_v8) SUCCEEDS(cudnnSetReduceTensorDescriptor)
SUCCEEDS(cudnnSetTensorNdDescriptor) SUCCEEDS(cudnnSoftmaxForward)
