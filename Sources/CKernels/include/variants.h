#pragma once

#include "list.h"

// One source, compiled for several instruction sets. The best one that the processor has is chosen at
// the first call; the environment variable BATHYSCOPE_KERNEL may name another, so that the paths of
// lesser processors can be tested here.

/// The kernels of one instruction set.
struct bathyscope_kernels {
  /// What BATHYSCOPE_KERNEL calls it.
  const char *kernel_name;
#define BATHYSCOPE_FIELD(result, name, parameters, arguments) result(*name) parameters;
  BATHYSCOPE_KERNELS(BATHYSCOPE_FIELD)
#undef BATHYSCOPE_FIELD
};

/// The kernels that this processor can run, best first; NULL after the last.
const struct bathyscope_kernels *bathyscope_supported_kernels(size_t index);

/// The instruction set that was chosen: the one that BATHYSCOPE_KERNEL names, else the best.
///
/// A name that this processor has no kernels for chooses the best, and is for the caller to report.
const char *bathyscope_kernel_name(void);
