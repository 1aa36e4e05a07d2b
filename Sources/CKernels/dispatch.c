#include "CKernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

extern const struct bathyscope_kernels bathyscope_plain;

#if defined(__x86_64__) && defined(__linux__)
extern const struct bathyscope_kernels bathyscope_v3, bathyscope_v4, bathyscope_v4_bf16;

const struct bathyscope_kernels *bathyscope_supported_kernels(size_t index) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16") && index-- == 0)
    return &bathyscope_v4_bf16;
  if (__builtin_cpu_supports("x86-64-v4") && index-- == 0) return &bathyscope_v4;
  if (__builtin_cpu_supports("x86-64-v3") && index-- == 0) return &bathyscope_v3;
  return index == 0 ? &bathyscope_plain : NULL;
}
#else
const struct bathyscope_kernels *bathyscope_supported_kernels(size_t index) {
  return index == 0 ? &bathyscope_plain : NULL;
}
#endif

static const struct bathyscope_kernels *choose(void) {
  const char *wanted = getenv("BATHYSCOPE_KERNEL");
  const struct bathyscope_kernels *kernels;
  for (size_t i = 0; wanted && (kernels = bathyscope_supported_kernels(i)); i++)
    if (strcmp(wanted, kernels->kernel_name) == 0) return kernels;
  return bathyscope_supported_kernels(0);
}

// Threads that come here first together choose the same.
static const struct bathyscope_kernels *chosen(void) {
  static const struct bathyscope_kernels *_Atomic remembered;
  const struct bathyscope_kernels *kernels =
      atomic_load_explicit(&remembered, memory_order_relaxed);
  if (!kernels) {
    kernels = choose();
    atomic_store_explicit(&remembered, kernels, memory_order_relaxed);
  }
  return kernels;
}

const char *bathyscope_kernel_name(void) { return chosen()->kernel_name; }

#define FORWARD(result, name, parameters, arguments) \
  result bathyscope_##name parameters { return chosen()->name arguments; }
BATHYSCOPE_KERNELS(FORWARD)
