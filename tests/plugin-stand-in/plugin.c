/* A plugin of ONNX Runtime under the name of OpenVINO's, for tests of what lb does with plugins. It takes a graph of
 * one node for the convolution with which lb tries a device out, and leaves all other graphs to the CPU.
 *
 * LB_STAND_IN says how it behaves: it lists `nothing`; it lists the CPU and `declines` every graph; it computes
 * something `wrong`; or it does everything `right`. Whatever ONNX Runtime asks for beyond that is refused.
 *
 * ONNX Runtime hands its functions out as tables that only grow. What is used of them here is found by its position
 * in onnxruntime_c_api.h and onnxruntime_ep_c_api.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The version of the tables that are declared here. */
#define VERSION 23
#define NAME "OpenVINOExecutionProvider"
/* The code of a failure (ORT_FAIL). */
#define FAILURE 1

/* The sides of the trial: 8 channels of 8x8, and 8 filters of 3x3. */
enum { CHANNELS = 8, SIDE = 8, RESULT = 6, FILTER = 3 };

typedef void *Status;
typedef void (*Function)(void);
typedef struct {
  const Function *(*get_api)(uint32_t version);
  const char *(*version)(void);
} ApiBase;

static const Function *api;

static Status fail(const char *message) {
  return ((Status(*)(int, const char *))api[0])(FAILURE, message);
}
static Status tensor_data(void *value, float **data) {
  return ((Status(*)(void *, void **))api[51])(value, (void **)data);
}
static Status kernel_input(void *context, size_t index, void **value) {
  return ((Status(*)(void *, size_t, void **))api[90])(context, index, value);
}
static Status kernel_output(void *context, size_t index, const int64_t *shape, size_t sides, void **value) {
  return ((Status(*)(void *, size_t, const int64_t *, size_t, void **))api[91])(context, index, shape, sides, value);
}
static int hardware_type(const void *device) { return ((int (*)(const void *))api[307])(device); }
static const Function *ep_api(void) { return ((const Function *(*)(void))api[317])(); }
static Status node_count(const void *graph, size_t *count) {
  return ((Status(*)(const void *, size_t *))api[344])(graph, count);
}
static Status nodes_of(const void *graph, const void **nodes, size_t count) {
  return ((Status(*)(const void *, const void **, size_t))api[345])(graph, nodes, count);
}

static bool behaves(const char *how) {
  const char *wanted = getenv("LB_STAND_IN");
  return wanted != NULL && strcmp(wanted, how) == 0;
}

/* What a graph was compiled to. */
typedef struct {
  uint32_t version;
  Status (*create_state)(void *, void *, void **);
  Status (*compute)(void *, void *, void *);
  void (*release_state)(void *, void *);
} Compiled;

static Status create_state(void *self, void *context, void **state) {
  (void)self, (void)context;
  *state = NULL;
  return NULL;
}

static void release_state(void *self, void *state) { (void)self, (void)state; }

static Status compute(void *self, void *state, void *context) {
  (void)self, (void)state;
  void *x, *w, *y;
  float *picture, *weights, *result;
  const int64_t shape[4] = {1, CHANNELS, RESULT, RESULT};
  Status status;
  if ((status = kernel_input(context, 0, &x)) || (status = kernel_input(context, 1, &w)) ||
      (status = kernel_output(context, 0, shape, 4, &y)) || (status = tensor_data(x, &picture)) ||
      (status = tensor_data(w, &weights)) || (status = tensor_data(y, &result)))
    return status;
  for (int to = 0; to < CHANNELS; to++)
    for (int row = 0; row < RESULT; row++)
      for (int column = 0; column < RESULT; column++) {
        float sum = 0;
        for (int from = 0; from < CHANNELS; from++)
          for (int down = 0; down < FILTER; down++)
            for (int right = 0; right < FILTER; right++)
              sum += picture[(from * SIDE + row + down) * SIDE + column + right] *
                     weights[((to * CHANNELS + from) * FILTER + down) * FILTER + right];
        result[(to * RESULT + row) * RESULT + column] = behaves("wrong") ? sum + 1 : sum;
      }
  return NULL;
}

static Compiled compiled = {VERSION, create_state, compute, release_state};

/* The provider in one session. */
typedef struct {
  uint32_t version;
  const char *(*name)(const void *);
  Status (*get_capability)(void *, const void *, void *);
  Status (*compile)(void *, const void **, const void **, size_t, void **, void **);
  void (*release_compiled)(void *, void **, size_t);
  Function without[8];
} Provider;

static const char *name(const void *self) {
  (void)self;
  return NAME;
}

static Status get_capability(void *self, const void *graph, void *support) {
  (void)self;
  size_t count = 0;
  Status status = node_count(graph, &count);
  if (status || count != 1 || behaves("declines"))
    return status;
  const void *node;
  if ((status = nodes_of(graph, &node, 1)))
    return status;
  return ((Status(*)(void *, const void *const *, size_t, const void *))ep_api()[2])(support, &node, 1, NULL);
}

static Status compile(void *self, const void **graphs, const void **nodes, size_t count, void **made, void **kept) {
  (void)self, (void)graphs, (void)nodes, (void)kept;
  if (count != 1)
    return fail("the stand-in takes one graph at a time");
  made[0] = &compiled;
  return NULL;
}

static void release_compiled(void *self, void **made, size_t count) { (void)self, (void)made, (void)count; }

static Provider provider = {VERSION, name, get_capability, compile, release_compiled, {NULL}};

/* What lists devices and makes providers. */
typedef struct {
  uint32_t version;
  const char *(*name)(const void *);
  const char *(*vendor)(const void *);
  Status (*list)(void *, const void *const *, size_t, void **, size_t, size_t *);
  Status (*create)(void *, const void *const *, const void *const *, size_t, const void *, const void *, void **);
  void (*release)(void *, void *);
  uint32_t (*vendor_id)(const void *);
  const char *(*plugin_version)(const void *);
  Status (*validate)(void *, const void *const *, size_t, const char *, int *);
  Status (*create_allocator)(void *, const void *, const void *, void **);
  void (*release_allocator)(void *, void *);
  Status (*create_transfer)(void *, void **);
  bool (*is_stream_aware)(const void *);
  Status (*create_stream)(void *, const void *, const void *, void **);
} Factory;

static const char *vendor(const void *self) {
  (void)self;
  return "lb";
}

static const char *plugin_version(const void *self) {
  (void)self;
  return "1.0.0";
}

static uint32_t vendor_id(const void *self) {
  (void)self;
  return 0;
}

static Status list(void *self, const void *const *devices, size_t count, void **found, size_t room, size_t *taken) {
  *taken = 0;
  if (behaves("nothing"))
    return NULL;
  for (size_t index = 0; index < count && *taken < room; index++) {
    if (hardware_type(devices[index]) != 0)
      continue;
    Status status = ((Status(*)(void *, const void *, const void *, const void *, void **))ep_api()[0])(
        self, devices[index], NULL, NULL, &found[*taken]);
    if (status)
      return status;
    ++*taken;
  }
  return NULL;
}

static Status create(void *self, const void *const *devices, const void *const *facts, size_t count,
                     const void *options, const void *logger, void **made) {
  (void)self, (void)devices, (void)facts, (void)options, (void)logger;
  if (count != 1)
    return fail("the stand-in takes one device at a time");
  *made = &provider;
  return NULL;
}

static void release(void *self, void *made) { (void)self, (void)made; }

static Status validate(void *self, const void *const *devices, size_t count, const char *facts, int *answer) {
  (void)self, (void)devices, (void)count, (void)facts, (void)answer;
  return fail("the stand-in compiles nothing that is kept");
}

static Status create_allocator(void *self, const void *memory, const void *options, void **made) {
  (void)self, (void)memory, (void)options;
  *made = NULL;
  return NULL;
}

static void release_allocator(void *self, void *made) { (void)self, (void)made; }

static Status create_transfer(void *self, void **made) {
  (void)self;
  *made = NULL;
  return NULL;
}

static bool is_stream_aware(const void *self) {
  (void)self;
  return false;
}

static Status create_stream(void *self, const void *memory, const void *options, void **made) {
  (void)self, (void)memory, (void)options;
  *made = NULL;
  return fail("the stand-in has no streams");
}

static Factory factory = {VERSION,  name,     vendor,           list,          create,          release,         vendor_id, plugin_version,
                          validate, create_allocator, release_allocator, create_transfer, is_stream_aware, create_stream};

Status CreateEpFactories(const char *registered, const ApiBase *base, const void *logger, void **made, size_t room,
                         size_t *count) {
  (void)registered, (void)logger;
  api = base->get_api(VERSION);
  *count = 0;
  if (api == NULL || room == 0)
    return NULL;
  made[0] = &factory;
  *count = 1;
  return NULL;
}

Status ReleaseEpFactory(void *made) {
  (void)made;
  return NULL;
}
