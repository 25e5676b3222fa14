#ifndef CHDF5_SHIM_H
#define CHDF5_SHIM_H

#include <hdf5.h>
#include <stdint.h>
#include <string.h>

// Constants that are macros with casts or global variables in the library, which Swift cannot see.

static inline hid_t chdf5_default(void) { return H5P_DEFAULT; }
static inline hid_t chdf5_all(void) { return H5S_ALL; }
static inline hid_t chdf5_error_stack(void) { return H5E_DEFAULT; }
static inline hsize_t chdf5_unlimited(void) { return H5S_UNLIMITED; }
static inline size_t chdf5_variable(void) { return H5T_VARIABLE; }
static inline unsigned chdf5_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned chdf5_truncate(void) { return H5F_ACC_TRUNC; }

static inline hid_t chdf5_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t chdf5_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t chdf5_int64(void) { return H5T_STD_I64LE; }
static inline hid_t chdf5_int32(void) { return H5T_STD_I32LE; }
static inline hid_t chdf5_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t chdf5_c_string(void) { return H5T_C_S1; }

static inline hid_t chdf5_file_creation(void) { return H5P_FILE_CREATE; }
static inline hid_t chdf5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t chdf5_group_creation(void) { return H5P_GROUP_CREATE; }
static inline hid_t chdf5_dataset_creation(void) { return H5P_DATASET_CREATE; }

// Makes `function` the filter `identifier` of this process; the library keeps the class's pointers.
static inline herr_t chdf5_register_filter(H5Z_filter_t identifier, const char *name, H5Z_func_t function) {
    const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, identifier, 1, 1, name, NULL, NULL, function};
    return H5Zregister(&filter);
}

// What follows differs between versions of the library in ways that only its macros know.

enum { CHDF5_LINK_HARD, CHDF5_LINK_SOFT, CHDF5_LINK_EXTERNAL, CHDF5_LINK_OTHER };

// What kind of link `name` is in a group; negative for failure.
static inline int chdf5_link_kind(hid_t group, const char *name) {
    H5L_info_t info;
    if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0) return -1;
    switch (info.type) {
    case H5L_TYPE_HARD: return CHDF5_LINK_HARD;
    case H5L_TYPE_SOFT: return CHDF5_LINK_SOFT;
    case H5L_TYPE_EXTERNAL: return CHDF5_LINK_EXTERNAL;
    default: return CHDF5_LINK_OTHER;
    }
}

// Copies file and object of an external link, each ended by a zero and within `size` bytes; negative for failure.
static inline int chdf5_external_link(hid_t group, const char *name, char *file, char *object, size_t size) {
    H5L_info_t info;
    char value[4096];
    const char *target, *path;
    unsigned flags;
    if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_EXTERNAL) return -1;
    if (info.u.val_size > sizeof value || H5Lget_val(group, name, value, sizeof value, H5P_DEFAULT) < 0) return -1;
    if (H5Lunpack_elink_val(value, info.u.val_size, &flags, &target, &path) < 0) return -1;
    if (strlen(target) >= size || strlen(path) >= size) return -1;
    strcpy(file, target);
    strcpy(object, path);
    return 0;
}

// Takes a name; anything but zero ends the list.
typedef int (*chdf5_take_name)(void *context, const char *name);

struct chdf5_names {
    chdf5_take_name take;
    void *context;
};

static inline herr_t chdf5_forward_member(hid_t group, const char *name, const H5L_info_t *info, void *context) {
    const struct chdf5_names *names = context;
    (void)group, (void)info;
    return names->take(names->context, name);
}

static inline herr_t chdf5_forward_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context) {
    const struct chdf5_names *names = context;
    (void)object, (void)info;
    return names->take(names->context, name);
}

// Hands over the names of a group's members in their order; negative for failure. One by one by their number, each would
// be found by counting from the first.
static inline int chdf5_member_names(hid_t group, chdf5_take_name take, void *context) {
    struct chdf5_names names = {take, context};
    return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, chdf5_forward_member, &names);
}

// The same for the attributes of an object.
static inline int chdf5_attribute_names(hid_t object, chdf5_take_name take, void *context) {
    struct chdf5_names names = {take, context};
    return H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, chdf5_forward_attribute, &names);
}

// Two words that are equal for two names of one object of an open file; negative for failure.
static inline int chdf5_identity(hid_t object, uint64_t *words) {
#if H5_VERSION_GE(1, 12, 0)
    H5O_info2_t info;
    if (H5Oget_info3(object, &info, H5O_INFO_BASIC) < 0) return -1;
    memcpy(words, &info.token, 2 * sizeof *words);
#else
    H5O_info_t info;
    if (H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0) return -1;
    words[0] = info.addr;
    words[1] = info.fileno;
#endif
    return 0;
}

#endif
