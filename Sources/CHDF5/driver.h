// The file driver with which activation files are written.
//
// libhdf5 1.10 crashes on its way out of a write that failed, as on a full disk. So this driver never tells
// it: the first error is kept for whoever writes, and what cannot be written is dropped. The file is a
// temporary one until it is complete, and is thrown away then.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hdf5.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#if defined(__linux__)
#include <sys/syscall.h>
#endif

/// What the driver is told: where it writes, and where it puts its first error.
typedef struct {
  int descriptor;
  int *error;
} bathyscope_h5_target;

typedef struct {
  H5FD_t base;
  bathyscope_h5_target target;
  haddr_t end_of_addresses;
  haddr_t end_of_file;
} bathyscope_h5_file;

static inline void bathyscope_h5_keep_error(bathyscope_h5_file *file) {
  if (*file->target.error == 0) *file->target.error = errno ? errno : EIO;
}

static inline H5FD_t *bathyscope_h5_driver_open(const char *name, unsigned flags, hid_t access,
                                         haddr_t most) {
  (void)name, (void)most;
  const bathyscope_h5_target *target = H5Pget_driver_info(access);
  bathyscope_h5_file *file = calloc(1, sizeof *file);
  if (!target || !file) return free(file), NULL;
  file->target = *target;
  // Its own, because nobody knows who is closed first.
  file->target.descriptor = fcntl(target->descriptor, F_DUPFD_CLOEXEC, 0);
  struct stat status;
  if (file->target.descriptor < 0 || fstat(file->target.descriptor, &status) != 0) {
    return free(file), NULL;
  }
  file->end_of_file = (haddr_t)status.st_size;
  if (flags & H5F_ACC_TRUNC) {
    if (ftruncate(file->target.descriptor, 0) != 0) bathyscope_h5_keep_error(file);
    file->end_of_file = 0;
  }
  return &file->base;
}

static inline herr_t bathyscope_h5_driver_close(H5FD_t *base) {
  bathyscope_h5_file *file = (bathyscope_h5_file *)base;
  if (close(file->target.descriptor) != 0) bathyscope_h5_keep_error(file);
  free(file);
  return 0;
}

/// As libhdf5's own driver has it, so that the same content is the same bytes.
static inline herr_t bathyscope_h5_driver_query(const H5FD_t *base, unsigned long *flags) {
  (void)base;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static inline haddr_t bathyscope_h5_driver_get_eoa(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  return ((const bathyscope_h5_file *)base)->end_of_addresses;
}

static inline herr_t bathyscope_h5_driver_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t address) {
  (void)type;
  ((bathyscope_h5_file *)base)->end_of_addresses = address;
  return 0;
}

static inline haddr_t bathyscope_h5_driver_get_eof(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  return ((const bathyscope_h5_file *)base)->end_of_file;
}

static inline herr_t bathyscope_h5_driver_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer,
                                        haddr_t address, size_t size, void *buffer) {
  (void)type, (void)transfer;
  bathyscope_h5_file *file = (bathyscope_h5_file *)base;
  char *place = buffer;
  while (size > 0) {
    ssize_t count = pread(file->target.descriptor, place, size, (off_t)address);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) bathyscope_h5_keep_error(file);
    if (count <= 0) break;
    place += count, address += (haddr_t)count, size -= (size_t)count;
  }
  memset(place, 0, size);
  return 0;
}

static inline herr_t bathyscope_h5_driver_write(H5FD_t *base, H5FD_mem_t type, hid_t transfer,
                                         haddr_t address, size_t size, const void *buffer) {
  (void)type, (void)transfer;
  bathyscope_h5_file *file = (bathyscope_h5_file *)base;
  const char *place = buffer;
  while (size > 0 && *file->target.error == 0) {
    ssize_t count = pwrite(file->target.descriptor, place, size, (off_t)address);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) bathyscope_h5_keep_error(file);
    else place += count, address += (haddr_t)count, size -= (size_t)count;
  }
  address += size;
  if (address > file->end_of_file) file->end_of_file = address;
  return 0;
}

static inline herr_t bathyscope_h5_driver_truncate(H5FD_t *base, hid_t transfer, hbool_t is_closing) {
  (void)transfer, (void)is_closing;
  bathyscope_h5_file *file = (bathyscope_h5_file *)base;
  // Of the same length too: this lets go of room that was reserved behind the end.
  if (ftruncate(file->target.descriptor, (off_t)file->end_of_addresses) != 0) {
    bathyscope_h5_keep_error(file);
  }
  file->end_of_file = file->end_of_addresses;
  return 0;
}

/// Lets files that are opened with these properties be written to `target`.
static inline herr_t bathyscope_h5_write_to(hid_t access, const bathyscope_h5_target *target) {
  static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)300,
#endif
    .name = "bathyscope",
    .maxaddr = ((haddr_t)1 << (8 * sizeof(off_t) - 1)) - 1,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(bathyscope_h5_target),
    .open = bathyscope_h5_driver_open,
    .close = bathyscope_h5_driver_close,
    .query = bathyscope_h5_driver_query,
    .get_eoa = bathyscope_h5_driver_get_eoa,
    .set_eoa = bathyscope_h5_driver_set_eoa,
    .get_eof = bathyscope_h5_driver_get_eof,
    .read = bathyscope_h5_driver_read,
    .write = bathyscope_h5_driver_write,
    .truncate = bathyscope_h5_driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
  };
  static hid_t registered = -1;
  if (registered < 0) registered = H5FDregister(&driver);
  return registered < 0 ? -1 : H5Pset_driver(access, registered, target);
}

/// Takes room for a file of so many bytes, beyond its end and without making it longer; 0, or the error.
static inline int bathyscope_h5_reserve(int descriptor, long long size) {
#if defined(__linux__)
  const int keep_size = 1;
  return syscall(SYS_fallocate, descriptor, keep_size, 0LL, size) == 0 ? 0 : errno;
#else
  (void)descriptor, (void)size;
  return 0;
#endif
}
