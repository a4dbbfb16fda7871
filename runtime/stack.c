#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/annotate.h"
#include "runtime/core.h"
#include "runtime/switch.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#define STACK_BYTES_DEFAULT ((size_t)256 * 1024) /* of address space; memory is what is touched */
#define STACK_MPROTECT_MAX 30000u /* default vm.max_map_count ends at 32,738 of them */
#define STACK_CANARY UINT64_C(0x5afe57ac4b07700d)

enum { GUARD_CANARY, GUARD_MPROTECT, GUARD_MADVISE };

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

int fl_stack_probe_guard(void)
{
    void *page = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0);
    if (page == MAP_FAILED) return GUARD_MPROTECT;
    int rc = madvise(page, page_bytes(), MADV_GUARD_INSTALL);
    munmap(page, page_bytes());
    return rc == 0 ? GUARD_MADVISE : GUARD_MPROTECT;
}

static bool stack_guard(struct fl_node *node, char *base)
{
    if (node->guard_kind == GUARD_MADVISE && madvise(base, page_bytes(), MADV_GUARD_INSTALL) == 0)
        return true;
    if (atomic_fetch_add(&node->guards, 1) < STACK_MPROTECT_MAX &&
        mprotect(base, page_bytes(), PROT_NONE) == 0)
        return true;
    memcpy(base, &(uint64_t){STACK_CANARY}, sizeof(uint64_t));
    return false;
}

static void stack_check(const struct fl_stack *stack)
{
    uint64_t canary = STACK_CANARY;
    if (!stack->has_guard) memcpy(&canary, stack->base, sizeof canary);
    FL_ASSERT(canary == STACK_CANARY); /* a handler ran over the end of its stack */
}

/* First thing on the side that a switch arrives at. */
FL_NO_TSAN static void stack_arrived(struct fl_transfer transfer)
{
    struct fl_stack *from = transfer.data;
    from->ctx = transfer.ctx;
#if FL_ASAN
    const void *bottom = NULL;
    size_t size = 0;
    __sanitizer_finish_switch_fiber(from->shard->stack->asan_fake, &bottom, &size);
    if (from == &from->shard->main_stack) {
        from->base = (char *)bottom;
        from->bytes = size;
    }
#endif
}

FL_NO_TSAN static void stack_entry(struct fl_transfer transfer)
{
    struct fl_stack *from = transfer.data;
    stack_arrived(transfer);
    fl_shard_work(from->shard);
}

FL_NO_TSAN void fl_stack_switch(struct fl_shard *shard, struct fl_stack *to)
{
    struct fl_stack *from = shard->stack;
    shard->stack = to;
#if FL_ASAN
    __sanitizer_start_switch_fiber(&from->asan_fake, to->base, to->bytes);
#endif
#if FL_TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
    stack_arrived(fl_switch_to(to->ctx, from));
}

void fl_stack_adopt_thread(struct fl_shard *shard)
{
    shard->main_stack.shard = shard;
    shard->stack = &shard->main_stack;
#if FL_ASAN
    pthread_attr_t attr;
    void *base = NULL;
    size_t bytes = 0;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &base, &bytes);
    pthread_attr_destroy(&attr);
    shard->main_stack.base = base;
    shard->main_stack.bytes = bytes;
#endif
#if FL_TSAN
    shard->main_stack.tsan_fiber = __tsan_get_current_fiber();
#endif
}

static void stack_reset(struct fl_stack *stack)
{
    char *top = stack->base + stack->bytes;
#if FL_ASAN
    __asan_unpoison_memory_region(stack->base, stack->bytes);
    stack->asan_fake = NULL;
#endif
#if FL_TSAN
    if (stack->tsan_fiber != NULL) __tsan_destroy_fiber(stack->tsan_fiber);
    stack->tsan_fiber = __tsan_create_fiber(0);
#endif
    stack->ctx = fl_switch_make(top, stack->bytes, stack_entry);
}

static struct fl_stack *stack_new(struct fl_shard *shard)
{
    struct fl_stack *stack = fl_new(struct fl_stack);
    size_t page = page_bytes();
    size_t bytes = shard->node->opts.stack_bytes;
    if (bytes == 0) bytes = STACK_BYTES_DEFAULT;
    if (FL_ASAN || FL_TSAN) bytes *= 4; /* instrumented frames are that much larger */
    bytes = (bytes + page - 1) / page * page;

    stack->mapped = bytes + page;
    char *base = mmap(NULL, stack->mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    FL_ASSERT(base != MAP_FAILED);
    stack->has_guard = stack_guard(shard->node, base);
    stack->base = stack->has_guard ? base + page : base;
    stack->bytes = stack->has_guard ? bytes : stack->mapped;
    stack->shard = shard;
#if FL_ASAN
    __lsan_register_root_region(stack->base, stack->bytes);
#endif
    stack->valgrind_id = VALGRIND_STACK_REGISTER(stack->base, stack->base + stack->bytes);
    stack_reset(stack);
    fl_list_push(&shard->stacks, &stack->of_shard);
    return stack;
}

struct fl_stack *fl_stack_take(struct fl_shard *shard)
{
    struct fl_stack *stack = shard->stack_pool;
    if (stack == NULL) return stack_new(shard);
    shard->stack_pool = stack->next;
    stack->next = NULL;
    return stack;
}

void fl_stack_put(struct fl_stack *stack)
{
    stack_check(stack);
    stack->next = stack->shard->stack_pool;
    stack->shard->stack_pool = stack;
}

void fl_stack_discard(struct fl_stack *stack)
{
    FL_ASSERT(stack != stack->shard->stack);
    fl_stack_drop_held(stack->shard, stack);
    fl_sig_free(stack->shard, stack->sending);
    stack->sending = NULL;
    stack_reset(stack);
    fl_stack_put(stack);
}

void fl_stack_free_all(struct fl_shard *shard)
{
    while (!fl_list_is_empty(&shard->stacks)) {
        struct fl_stack *stack = FL_OWNER(shard->stacks.next, struct fl_stack, of_shard);
        FL_ASSERT(stack != shard->stack);
        fl_list_remove(&stack->of_shard);
        VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
#if FL_ASAN
        __lsan_unregister_root_region(stack->base, stack->bytes);
        __asan_unpoison_memory_region(stack->base, stack->bytes);
#endif
#if FL_TSAN
        __tsan_destroy_fiber(stack->tsan_fiber);
#endif
        munmap(stack->has_guard ? stack->base - page_bytes() : stack->base, stack->mapped);
        free(stack);
    }
    shard->stack_pool = NULL;
}
