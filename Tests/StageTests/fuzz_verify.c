/* For libFuzzer: clang -fsanitize=fuzzer,address. Tests/StageTests/fuzz runs it. */
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan_header *plan = malloc(size ? size : 1);
    memcpy(plan, data, size);
    verify_and_touch(plan, size);
    free(plan);
    return 0;
}
