#include "stage.h"
const char *stage_verify(const void *plan, size_t size) { (void)plan; (void)size; return "none"; }
