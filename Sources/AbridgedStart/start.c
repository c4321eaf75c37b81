/*
 * Keeps the Swift runtime from work at each start that this program has no use for: 17 system calls.
 *
 * What is defined here is found before the Swift runtime's archive is searched, and the archive's objects that define
 * it too are not linked. For that the linker has to come by here first: it takes targets in the order of their names.
 * If that is no longer so, or the runtime needs more of those objects, the link fails with these as duplicates.
 */
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * Backtrace.cpp. Its constructor looks for a program `swift-backtrace` in nine places around the executable, and in the
 * environment for what to run when this program crashes: nothing that a privileged program should do either. It is
 * linked for two symbols: a function that tells which frames a backtrace leaves out, and the settings, of which a
 * report of a fatal error asks whether there is to be a backtrace. Zero is "off" there.
 */
bool _swift_backtrace_isThunkFunction(const char *name);
extern const uint64_t _swift_backtraceSettings[32];

bool _swift_backtrace_isThunkFunction(const char *name) {
    (void)name;
    return false;
}

const uint64_t _swift_backtraceSettings[32] = {0};

/*
 * CommandLine.cpp. Its constructor looks for the arguments on the stack, and for that in /proc/self/maps. The C library
 * hands them to each constructor.
 */
char **_swift_stdlib_getUnsafeArgvArgc(int *count);
void _swift_stdlib_overrideUnsafeArgvArgc(char **arguments, int count);

static char **arguments_of_main;
static int count_of_main;

__attribute__((constructor)) static void take_arguments(int count, char **arguments) {
    _swift_stdlib_overrideUnsafeArgvArgc(arguments, count);
}

void _swift_stdlib_overrideUnsafeArgvArgc(char **arguments, int count) {
    arguments_of_main = arguments;
    count_of_main = count;
}

char **_swift_stdlib_getUnsafeArgvArgc(int *count) {
    *count = count_of_main;
    return arguments_of_main;
}

#pragma GCC visibility pop
