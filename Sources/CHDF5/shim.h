// HDF5 for Swift: its constants are macros over global variables, which Swift cannot import, and some
// of its functions are macros over numbered versions. One accessor for each that is used.
#pragma once

#include <hdf5.h>
#include <hdf5_hl.h>

#include "driver.h"

static inline hid_t bathyscope_h5_default(void) { return H5P_DEFAULT; }
static inline hid_t bathyscope_h5_all(void) { return H5S_ALL; }

static inline hid_t bathyscope_h5_type_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t bathyscope_h5_type_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t bathyscope_h5_type_int64(void) { return H5T_STD_I64LE; }
static inline hid_t bathyscope_h5_type_uint64(void) { return H5T_STD_U64LE; }
static inline hid_t bathyscope_h5_type_int32(void) { return H5T_STD_I32LE; }
static inline hid_t bathyscope_h5_type_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t bathyscope_h5_type_c_string(void) { return H5T_C_S1; }
static inline size_t bathyscope_h5_variable_length(void) { return H5T_VARIABLE; }

static inline hid_t bathyscope_h5_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t bathyscope_h5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t bathyscope_h5_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t bathyscope_h5_dataset_create(void) { return H5P_DATASET_CREATE; }

static inline unsigned bathyscope_h5_truncate(void) { return H5F_ACC_TRUNC; }
static inline unsigned bathyscope_h5_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned bathyscope_h5_creation_order(void) {
  return H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
}

/// Whether `name` is a hard link: soft, external and user-defined links lead elsewhere.
static inline int bathyscope_h5_is_hard_link(hid_t location, const char *name) {
  H5L_info_t info;
  if (H5Lget_info(location, name, &info, H5P_DEFAULT) < 0) return 0;
  return info.type == H5L_TYPE_HARD;
}

/// Whether files are opened without a lock, which network file systems refuse and which a file
/// that appears under its name only when complete does not need.
static inline void bathyscope_h5_no_file_locking(hid_t access) {
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 11, 0))
  H5Pset_file_locking(access, 0, 1);
#else
  (void)access;
#endif
}
