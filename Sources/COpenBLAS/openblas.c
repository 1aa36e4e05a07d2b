#define _DEFAULT_SOURCE

#include "COpenBLAS.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const names[] = {
#ifdef __APPLE__
    "libopenblas.dylib",
    "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
    "/usr/local/opt/openblas/lib/libopenblas.dylib",
#else
    "libopenblas.so.0",
    "libopenblas.so",
#endif
};

// Whether the library and a buffer for each processor fit: without memory for one, OpenBLAS tries again for
// ever. A buffer takes 128 MiB of address space.
static int fits(void) {
  const size_t library = 64 << 20, buffer = 128 << 20;
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  const size_t size = library + (processors > 0 ? processors : 1) * buffer;
  void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return 0;
  munmap(start, size);
  return 1;
}

const bathyscope_openblas *bathyscope_load_openblas(char *problem, int size) {
  static bathyscope_openblas library;
  if (!fits()) {
    snprintf(problem, size, "there is too little memory for it (ulimit -v)");
    return NULL;
  }
  // Read once, while it is loaded. Parallel work is ours.
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  void *handle = NULL;
  for (size_t index = 0; !handle && index < sizeof names / sizeof *names; index++) {
    handle = dlopen(names[index], RTLD_NOW | RTLD_LOCAL);
    // The first error says most: the other names are guesses.
    if (!handle && index == 0) snprintf(problem, size, "%s", dlerror());
  }
  if (!handle) return NULL;
  const struct {
    const char *name;
    void *target;
  } symbols[] = {
      {"openblas_set_num_threads", &library.set_num_threads},
      {"openblas_get_config", &library.get_config},
      {"openblas_get_corename", &library.get_corename},
      {"cblas_sgemm", &library.sgemm},
      {"cblas_ssyrk", &library.ssyrk},
      {"cblas_sgemv", &library.sgemv},
      {"cblas_strsv", &library.strsv},
      {"spotrf_", &library.spotrf},
  };
  for (size_t index = 0; index < sizeof symbols / sizeof *symbols; index++) {
    void *symbol = dlsym(handle, symbols[index].name);
    if (!symbol) {
      snprintf(problem, size, "it has no %s", symbols[index].name);
      return NULL;
    }
    *(void **)symbols[index].target = symbol;
  }
  library.set_num_threads(1);
  return &library;
}
