/*
 * The launch plan: what the stage does between clone and exec, as data.
 *
 *   struct plan_header
 *   struct plan_op [op_count]          at op_offset
 *   arena                              at arena_offset: strings and blobs, NUL first
 *
 * All of it lies in one sealed memfd. A string operand is an offset into the arena; offset 0 is the
 * empty string and stands for "none". Descriptors are named by slot; the header gives the number that
 * each open slot has in the stage.
 */
#ifndef APUS_PLAN_H
#define APUS_PLAN_H

#include <stdint.h>

#define PLAN_MAGIC 0x53555041u /* "APUS", little-endian */
#define PLAN_VERSION 1
#define PLAN_MAX_SIZE (16u << 20)
#define PLAN_SLOTS 128

/* plan_header.flags */
#define PLAN_TIMED 0x1u /* the report has room for times, and the stage takes them (report.h) */

enum plan_opcode {
    PLAN_NONE = 0,
#define PLAN_OP(NAME, name) PLAN_##NAME,
#include "ops.def"
#undef PLAN_OP
    PLAN_OPCODES
};

enum plan_call {
#define PLAN_CALL(name, arguments) PLAN_CALL_##name,
#include "calls.def"
#undef PLAN_CALL
    PLAN_CALLS
};

/* Slots with a fixed meaning; the rest, from PLAN_SLOT_FREE on, are the plan's to give. */
enum plan_slot {
    PLAN_SLOT_SYNC = 0,   /* SOCK_SEQPACKET to the runtime */
    PLAN_SLOT_REPORT = 1, /* struct stage_report, shared */
    PLAN_SLOT_PROC = 2,   /* the host's procfs, O_PATH, verified by the runtime */
    PLAN_SLOT_ROOT = 3,   /* filled by ROOTFS */
    PLAN_SLOT_FIFO = 4,   /* exec.fifo, O_RDWR: reading from it never finds an end */
    PLAN_SLOT_CGROUP = 5, /* the container's cgroup v2 directory */
    PLAN_SLOT_FREE = 8
};

/* plan_op.flags; the low bits belong to the opcode, and differ between opcodes. */
#define PLAN_FALLBACK 0x8000u            /* run only if the op before failed with an errno it tolerates */
#define PLAN_SYNC_PASSING 0x1u           /* SYNC: no answer comes */
#define PLAN_ROOTFS_PLAIN 0x1u           /* ROOTFS */
#define PLAN_MOUNT_PLAIN_TARGET 0x1u     /* MOUNT_FS: the target must be a real directory, not a link (proc, sysfs) */
#define PLAN_MOUNT_COPY_MODE 0x2u        /* MOUNT_*: give the new root the mode of the directory it covers */
#define PLAN_MOUNT_LEGACY 0x4u           /* MOUNT_FS: by mount(2), for what fsconfig(2) cannot say */
#define PLAN_MOUNT_RECURSIVE 0x8u        /* MOUNT_BIND: rbind */
#define PLAN_MOUNT_PROC_CHILD 0x10u      /* MOUNT_*: a target inside procfs is allowed (/proc/cpuinfo and the like) */
#define PLAN_MOUNT_COPY_UP 0x20u         /* MOUNT_*: copy what the covered directory holds into the new root */
#define PLAN_MOUNT_SOURCE_LINK 0x40u     /* MOUNT_BIND: a link as the source is not followed */
#define PLAN_MOUNT_TARGET_LINK 0x80u     /* MOUNT_BIND: a link as the target is not followed */
#define PLAN_MOUNT_REMAKE_LINK 0x100u    /* MOUNT_BIND: if the source is a link, make the same link instead */
#define PLAN_REMOUNT_SUPER 0x1u          /* REMOUNT */
#define PLAN_HOSTNAME_DOMAIN 0x1u        /* HOSTNAME */
#define PLAN_STDIO_KEEP_OWNER 0x1u       /* STDIO: no fchown */
#define PLAN_CHDIR_CREATE 0x1u           /* CHDIR */
#define PLAN_CHDIR_RETRY 0x2u            /* CHDIR */
#define PLAN_SYMLINK_REPLACE 0x1u        /* SYMLINK: what is there already goes away */
#define PLAN_IDENTITY_KEEP_GROUPS 0x1u   /* IDENTITY */
#define PLAN_IDENTITY_MAY_KEEP_GROUPS 0x2u /* IDENTITY */

/* Mount attributes (MOUNT_ATTR_*) to set and to clear, in one number. */
#define PLAN_ATTRS(set, clear) ((uint64_t)(uint32_t)(set) | (uint64_t)(uint32_t)(clear) << 32)
#define PLAN_OWNER(uid, gid) ((uint64_t)(uint32_t)(uid) | (uint64_t)(uint32_t)(gid) << 32)

/*
 * A file system option in a MOUNT_FS blob: the kind, then the key and (PLAN_OPTION_STRING only) the value,
 * each NUL-terminated.
 */
#define PLAN_OPTION_FLAG 0x66 /* f */
#define PLAN_OPTION_STRING 0x73 /* s */

struct plan_op {
    uint16_t code;
    uint16_t flags;
    uint8_t errnos[4]; /* tolerated: on these the plan goes on; 0 is unused */
    int32_t slot[2];   /* -1 is none */
    uint32_t str[4];
    uint64_t num[4];
    uint32_t len;
    uint32_t reserved; /* 0 */
};

struct plan_header {
    uint32_t magic;
    uint32_t version;
    uint32_t size; /* of the whole plan, bytes */
    uint32_t op_count;
    uint32_t op_offset;
    uint32_t arena_offset;
    uint32_t arena_size;
    uint32_t flags; /* PLAN_TIMED */
    int32_t slots[PLAN_SLOTS];
};

_Static_assert(sizeof(struct plan_op) == 72, "plan_op is part of the plan's format");
_Static_assert(sizeof(struct plan_header) == 32 + 4 * PLAN_SLOTS, "plan_header is part of the plan's format");

/* Messages on PLAN_SLOT_SYNC: one packet each. */
enum plan_message_kind {
    PLAN_MSG_CHILD = 1,   /* stage: CLONE made `value` (a pid in the stage's namespace); pidfd attached */
    PLAN_MSG_SYNC = 2,    /* stage: at rendezvous `value` */
    PLAN_MSG_GO = 3,      /* runtime: go on from rendezvous `value` */
    PLAN_MSG_CONSOLE = 4  /* stage: pty master attached */
};

struct plan_message {
    uint32_t kind;
    int32_t value;
};

#endif
