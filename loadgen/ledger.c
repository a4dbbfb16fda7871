#include "loadgen/ledger.h"

void fl_ledger_init(struct fl_ledger *ledger, fl_ns timeout_ns, uint32_t slots)
{
    FL_ASSERT(slots <= FL_SLOTS_MAX);
    *ledger = (struct fl_ledger){.timeout_ns = timeout_ns, .slotless = slots == 0};
    if (slots == 0) return;

    ledger->free_slots = fl_new_array(uint32_t, slots);
    ledger->free_count = slots;
    /* A stack, lowest number on top: a quiet load keeps using the same few. */
    for (uint32_t i = 0; i < slots; i++)
        ledger->free_slots[i] = slots - 1 - i;
}

static void ledger_free_list(struct fl_pending *pending)
{
    while (pending != NULL) {
        struct fl_pending *next = pending->next;
        free(pending);
        pending = next;
    }
}

void fl_ledger_fini(struct fl_ledger *ledger)
{
    ledger_free_list(ledger->first);
    ledger_free_list(ledger->spare);
    free(ledger->free_slots);
    *ledger = (struct fl_ledger){0};
}

uint32_t fl_ledger_slots_for(int users, double rate_per_s, fl_ns timeout_ns)
{
    if (users > 0) return users < FL_SLOTS_MAX ? (uint32_t)users : FL_SLOTS_MAX;
    double needed = rate_per_s * (double)timeout_ns / (double)FL_NS_PER_S;
    if (needed >= FL_SLOTS_MAX) return FL_SLOTS_MAX;
    uint32_t whole = (uint32_t)needed;
    return whole + ((double)whole < needed || whole == 0 ? 1 : 0);
}

void fl_ledger_arrive(struct fl_ledger *ledger, fl_ns due_ns, uint64_t number)
{
    struct fl_pending *pending = ledger->spare;
    if (pending != NULL)
        ledger->spare = pending->next;
    else
        pending = fl_new(struct fl_pending);

    *pending = (struct fl_pending){
        .prev = ledger->last,
        .ledger = ledger,
        .due_ns = due_ns,
        .number = number,
        .slot = FL_NO_SLOT,
        .waiting = true,
    };
    if (ledger->last != NULL)
        ledger->last->next = pending;
    else
        ledger->first = pending;
    ledger->last = pending;
    if (ledger->first_waiting == NULL) ledger->first_waiting = pending;
    ledger->counts.due++;
    ledger->counts.open++;
}

struct fl_pending *fl_ledger_take(struct fl_ledger *ledger)
{
    struct fl_pending *pending = ledger->first_waiting;
    if (pending == NULL || (!ledger->slotless && ledger->free_count == 0)) return NULL;

    if (!ledger->slotless) {
        pending->slot = ledger->free_slots[--ledger->free_count];
        pending->user = pending->slot;
    }
    pending->waiting = false;
    ledger->first_waiting = pending->next;
    return pending;
}

static fl_ns pending_deadline(const struct fl_pending *pending)
{
    return pending->due_ns + pending->ledger->timeout_ns;
}

/* One timeout for all and a list in due order: the first open one has the first deadline. */
fl_ns fl_ledger_deadline(const struct fl_ledger *ledger)
{
    return ledger->first != NULL ? pending_deadline(ledger->first) : FL_NEVER;
}

struct fl_pending *fl_ledger_overdue(const struct fl_ledger *ledger, fl_ns now_ns)
{
    return fl_ledger_deadline(ledger) <= now_ns ? ledger->first : NULL;
}

struct fl_verdict_op fl_ledger_lapse(const struct fl_pending *pending, fl_ns until_ns)
{
    struct fl_verdict_op verdict = {
        .outcome = pending->sent_ns != 0 ? FL_UNKNOWN : FL_FAIL,
        .error = pending->waiting ? FL_OPERR_UNSENT : FL_OPERR_TIMEOUT,
        .censored = true,
        .done_ns = fl_ns_min(pending_deadline(pending), until_ns),
    };
    return verdict;
}

static void ledger_unlink(struct fl_ledger *ledger, struct fl_pending *pending)
{
    if (ledger->first_waiting == pending) ledger->first_waiting = pending->next;
    if (pending->prev != NULL)
        pending->prev->next = pending->next;
    else
        ledger->first = pending->next;
    if (pending->next != NULL)
        pending->next->prev = pending->prev;
    else
        ledger->last = pending->prev;
}

void fl_ledger_settle(struct fl_pending *pending_take, const struct fl_verdict_op *verdict,
                      struct fl_op *record)
{
    struct fl_pending *pending = pending_take;
    struct fl_ledger *ledger = pending->ledger;
    *record = (struct fl_op){
        .due_ns = pending->due_ns,
        .sent_ns = pending->sent_ns,
        .done_ns = verdict->done_ns,
        .key = pending->key,
        .info = pending->info,
        .user = pending->user,
        .outcome = (uint8_t)verdict->outcome,
        .error = (uint8_t)verdict->error,
        .flags = verdict->censored ? FL_OPF_CENSORED : 0,
    };

    ledger->counts.open--;
    if (verdict->outcome == FL_OK) ledger->counts.ok++;
    if (verdict->outcome == FL_FAIL) ledger->counts.fail++;
    if (verdict->outcome == FL_UNKNOWN) ledger->counts.unknown++;
    if (verdict->error == FL_OPERR_UNSENT) ledger->counts.unsent++;

    ledger_unlink(ledger, pending);
    if (pending->slot != FL_NO_SLOT) ledger->free_slots[ledger->free_count++] = pending->slot;
    pending->next = ledger->spare;
    ledger->spare = pending;
}
