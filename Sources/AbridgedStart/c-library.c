/*
 * The C library's start of a static program, without the questions to the processor: 43 CPUID instructions, each of
 * which leaves a virtual machine, 1 to 5 us at a time. The answers choose among string functions, and the baseline's
 * serve this program as well: it copies kilobytes. (0.19 of the 0.64 ms of `apus --version`, in a virtual machine.)
 *
 * For the release of the GNU C library whose private interface this is written to, and with any other not there: then
 * the C library's own is linked. It does what is in the ELF and TLS specifications, in the order that the C library's
 * parts need: auxiliary vector, IRELATIVE relocations, thread-local storage, guards, libc, constructors, main.
 * GLIBC_TUNABLES is not looked at: a privileged program has no use for what its caller's environment says there.
 */
#include <features.h>

#if defined __x86_64__ && defined __GLIBC__ && __GLIBC__ == 2 && __GLIBC_MINOR__ == 36

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#pragma GCC visibility push(hidden)

typedef int program(int count, char **arguments, char **environment);
typedef void constructor(int count, char **arguments, char **environment);

/* Of the C library, and of nobody else's business. */
extern char **__environ;
extern void *__libc_stack_end, *_dl_random;
extern int __libc_enable_secure;
void _dl_aux_init(Elf64_auxv_t *auxiliary);
void _dl_relocate_static_pie(void);
void __libc_setup_tls(void);
void __libc_early_init(_Bool is_initial);
void __libc_init_first(int count, char **arguments, char **environment);
void __libc_check_standard_fds(void);
int __cxa_atexit(void (*function)(void *), void *argument, void *object);

/* Of the linker. */
extern const Elf64_Rela __rela_iplt_start[], __rela_iplt_end[];
extern constructor *const __preinit_array_start[], *const __preinit_array_end[];
extern constructor *const __init_array_start[], *const __init_array_end[];
extern void (*const __fini_array_start[])(void), (*const __fini_array_end[])(void);
void _init(void), _fini(void);

/* From how many bytes on a copy is done in another manner: what the C library takes for a processor that it does not
   know, of 32 kB and 1 MB of cache. */
long __x86_data_cache_size_half = 32 * 1024 / 2, __x86_data_cache_size = 32 * 1024;
long __x86_shared_cache_size_half = 1024 * 1024 / 2, __x86_shared_cache_size = 1024 * 1024;
long __x86_shared_non_temporal_threshold = 1024 * 1024 * 3 / 4;
long __x86_rep_movsb_threshold = 2048, __x86_rep_stosb_threshold = 2048;
long __x86_rep_movsb_stop_threshold = 1024 * 1024 * 3 / 4;
int __x86_string_control = 0;

int __libc_start_main(program *main, int count, char **arguments, void (*init)(void), void (*fini)(void),
                      void (*leave)(void), void *stack_end);

static void relocate(void) {
    _dl_relocate_static_pie();
    for (const Elf64_Rela *one = __rela_iplt_start; one < __rela_iplt_end; one++) {
        if (ELF64_R_TYPE(one->r_info) != R_X86_64_IRELATIVE)
            __builtin_trap();
        *(uint64_t *)one->r_offset = ((uint64_t (*)(void))one->r_addend)();
    }
}

/* Where the thread's control block has them: for the compiler's stack protector, and for saved pointers. */
static void set_guards(void) {
    const uint64_t *random = _dl_random;
    uint64_t stack = random[0] & ~(uint64_t)0xff; /* ends with a zero, for strings */
    __asm__ volatile("mov %0, %%fs:0x28\n\tmov %1, %%fs:0x30" : : "r"(stack), "r"(random[1]));
}

static void destroy(void *unused) {
    (void)unused;
    for (size_t i = (size_t)(__fini_array_end - __fini_array_start); i > 0; i--)
        __fini_array_start[i - 1]();
    _fini();
}

__attribute__((noreturn, no_stack_protector)) int __libc_start_main(program *main, int count, char **arguments,
                                                                    void (*init)(void), void (*fini)(void),
                                                                    void (*leave)(void), void *stack_end) {
    (void)init, (void)fini, (void)leave; /* of older linkers, and of a dynamic linker */
    char **environment = arguments + count + 1, **end = environment;
    while (*end)
        end++;
    __environ = environment;
    __libc_stack_end = stack_end;
    _dl_aux_init((Elf64_auxv_t *)(end + 1));
    relocate();
    __libc_setup_tls();
    set_guards();
    __libc_early_init(true);
    __libc_init_first(count, arguments, environment);
    __cxa_atexit(destroy, NULL, NULL);
    if (__libc_enable_secure)
        __libc_check_standard_fds();
    for (constructor *const *one = __preinit_array_start; one < __preinit_array_end; one++)
        (*one)(count, arguments, environment);
    _init();
    for (constructor *const *one = __init_array_start; one < __init_array_end; one++)
        (*one)(count, arguments, environment);
    exit(main(count, arguments, __environ));
}

#pragma GCC visibility pop

#else
typedef int no_empty_file;
#endif
