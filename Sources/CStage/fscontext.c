/* File system contexts: fsopen(2), fsconfig(2), and what the kernel says about them. */
#include "internal.h"

/* Each read is one message: a letter for its weight, a blank, the text. Only errors are kept. */
static void read_log(struct stage *stage, int context)
{
    char message[512];
    long length;
    bool first = stage->report->length == 0;
    while ((length = RAW3(__NR_read, context, message, sizeof message)) > 0) {
        while (length && message[length - 1] == '\n')
            length--;
        if (length < 3 || message[0] != 'e')
            continue;
        if (!first)
            stage_detail(stage, "; ", 2);
        stage_detail(stage, message + 2, (size_t)length - 2);
        first = false;
    }
}

/* Not every file system speaks: then the option itself is what there is to say. */
static long refused(struct stage *stage, int context, const char *key, const char *value, long result)
{
    stage->report->length = 0;
    read_log(stage, context);
    if (stage->report->length == 0 && key) {
        stage_detail(stage, key, stage_length(key));
        if (value) {
            stage_detail(stage, "=", 1);
            stage_detail(stage, value, stage_length(value));
        }
    }
    return result;
}

static long configure_flag(struct stage *stage, int context, const char *key)
{
    long result = SYS(stage, fsconfig, context, FSCONFIG_SET_FLAG, key, 0, 0);
    return result < 0 ? refused(stage, context, key, 0, result) : 0;
}

long stage_configure_string(struct stage *stage, int context, const char *key, const char *value)
{
    long result = SYS(stage, fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
    return result < 0 ? refused(stage, context, key, value, result) : 0;
}

long stage_configure_command(struct stage *stage, int context, unsigned command)
{
    long result = SYS(stage, fsconfig, context, command, 0, 0, 0);
    return result < 0 ? refused(stage, context, 0, 0, result) : 0;
}

/* MS_SILENT has no key: the log takes its place. */
static const struct {
    uint32_t flag;
    const char *key;
} super_flags[] = {
    {MS_RDONLY, "ro"},       {MS_SYNCHRONOUS, "sync"}, {MS_MANDLOCK, "mand"},
    {MS_DIRSYNC, "dirsync"}, {MS_LAZYTIME, "lazytime"}, {MS_I_VERSION, "iversion"},
};

long stage_configure(struct stage *stage, int context, uint64_t flags, const char *options, size_t length)
{
    for (size_t i = 0; i < sizeof super_flags / sizeof *super_flags; i++) {
        if (flags & super_flags[i].flag) {
            long result = configure_flag(stage, context, super_flags[i].key);
            if (result < 0)
                return result;
        }
    }
    const char *end = options + length;
    while (options < end) {
        bool has_value = *options == PLAN_OPTION_STRING;
        const char *key = options + 1;
        options = key + stage_length(key) + 1;
        long result;
        if (has_value) {
            result = stage_configure_string(stage, context, key, options);
            options += stage_length(options) + 1;
        } else {
            result = configure_flag(stage, context, key);
        }
        if (result < 0)
            return result;
    }
    return 0;
}
