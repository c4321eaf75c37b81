#include <selinux/context.h>
