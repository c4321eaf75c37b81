/* Checks that count. A test program ends with FINISH(). */
#ifndef STAGE_TESTS_CHECK_H
#define STAGE_TESTS_CHECK_H

#include <stdio.h>

static unsigned passed, failed;

#define CHECK(condition, ...)                                                        \
    do {                                                                             \
        if (condition) {                                                             \
            passed++;                                                                \
        } else {                                                                     \
            failed++;                                                                \
            fprintf(stderr, "%s:%d: %s", __FILE__, __LINE__, #condition);            \
            fprintf(stderr, " — " __VA_ARGS__);                                      \
            fputc('\n', stderr);                                                     \
        }                                                                            \
    } while (0)

#define FINISH() (printf("%u passed, %u failed\n", passed, failed), failed ? 1 : 0)

#endif
