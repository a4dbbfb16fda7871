#include "tests/e2e/runtime/stage.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/file.h"

struct world {
    struct fl_node *node;
    char *folder, *path;
    struct fl_pid reader;
    int steps;
    int loaded_code;
    char loaded[32];
};

static void open_world(struct world *world)
{
    world->folder = testkit_folder();
    world->path = fl_format("%s/data", world->folder);
    world->node = stage_open();
}

static void close_world(struct world *world)
{
    testkit_remove(world->folder);
    free(world->path);
}

static size_t files_in(const char *folder)
{
    uv_fs_t req;
    int count = uv_fs_scandir(NULL, &req, folder, 0, NULL);
    uv_fs_req_cleanup(&req);
    return (size_t)count;
}

static void expect_content(struct fl_self *self, const char *path, const char *text)
{
    void *bytes = NULL;
    size_t len = 0;
    assert_int_equal(fl_file_load(self, path, 1000, &bytes, &len, NULL), 0);
    assert_int_equal(len, strlen(text));
    assert_string_equal(bytes, text);
    fl_self_free(self, bytes);
}

/* ---- a life of a file */

static void live(struct fl_self *self, void *cx)
{
    struct world *world = cx;
    struct fl_file_info info;
    char *other = fl_format("%s/other", world->folder);
    assert_int_equal(fl_file_save(self, world->path, "first", 5, NULL), 0);
    expect_content(self, world->path, "first");
    assert_int_equal(fl_file_save(self, world->path, "2nd", 3, NULL), 0);
    assert_int_equal(fl_file_append(self, world->path, ", and more", 10, NULL), 0);
    expect_content(self, world->path, "2nd, and more");
    assert_int_equal(files_in(world->folder), 1); /* nothing is left beside it */
    assert_int_equal(fl_file_stat(self, world->path, &info, NULL), 0);
    assert_true(info.is_file && !info.is_folder && info.bytes == 13 && info.changed_ns > 0);
    assert_int_equal(fl_file_append(self, other, "", 0, NULL), 0);
    assert_int_equal(fl_file_rename(self, world->path, other, NULL), 0);
    expect_content(self, other, "2nd, and more");
    assert_int_equal(fl_file_unlink(self, other, NULL), 0);
    assert_int_equal(fl_file_stat(self, world->folder, &info, NULL), 0);
    assert_true(info.is_folder && !info.is_file);
    assert_int_equal(files_in(world->folder), 0);
    free(other);
    world->steps++;
    fl_node_stop(world->node, 0);
}

static void a_file_is_saved_read_extended_renamed_and_removed(void **state)
{
    struct world world = {0};
    open_world(&world);
    stage_add(world.node, live, &world);
    stage_play(world.node);
    assert_int_equal(world.steps, 1);
    close_world(&world);
}

/* ---- what cannot be */

static void try_wrong(struct fl_self *self, void *cx)
{
    struct world *world = cx;
    struct fl_err err = {0};
    struct fl_file_info info;
    void *bytes = NULL;
    size_t len = 0;
    assert_int_equal(fl_file_load(self, world->path, 10, &bytes, &len, &err), UV_ENOENT);
    char *text = fl_format("cannot read %s: ", world->path);
    assert_memory_equal(err.text, text, strlen(text));
    free(text);
    assert_int_equal(fl_file_stat(self, world->path, &info, NULL), UV_ENOENT);
    assert_int_equal(fl_file_unlink(self, world->path, NULL), UV_ENOENT);
    assert_int_equal(fl_file_rename(self, world->path, "/x", NULL), UV_ENOENT);
    assert_int_equal(fl_file_save(self, "/nowhere/at/all", "x", 1, NULL), UV_ENOENT);
    char *sub = fl_format("%s/sub", world->folder);
    assert_int_equal(mkdir(sub, 0700), 0);
    assert_int_equal(fl_file_save(self, sub, "x", 1, NULL), UV_EISDIR);
    assert_int_equal(files_in(world->folder), 1); /* the folder, and nothing half done */
    free(sub);
    assert_int_equal(fl_file_save(self, world->path, "12345678901", 11, NULL), 0);
    assert_int_equal(fl_file_load(self, world->path, 10, &bytes, &len, NULL), FL_EFULL);
    assert_int_equal(fl_file_load(self, world->path, 11, &bytes, &len, NULL), 0);
    assert_int_equal(fl_file_load(self, "/dev/zero", 100000, &bytes, &len, NULL), FL_EFULL);
    assert_int_equal(fl_file_load(self, "/proc/self/stat", 100000, &bytes, &len, NULL), 0);
    assert_true(len > 0); /* though it says 0 bytes */
    world->steps++;
    fl_node_stop(world->node, 0);
}

static void what_cannot_be_is_an_error_value_and_leaves_nothing_behind(void **state)
{
    struct world world = {0};
    open_world(&world);
    stage_add(world.node, try_wrong, &world);
    stage_play(world.node);
    assert_int_equal(world.steps, 1);
    close_world(&world);
}

/* ---- a disk that does not answer holds up its process, not the shard: a pipe without a writer */

static void load_pipe(struct fl_self *self, void *cx)
{
    struct world *world = cx;
    void *bytes = NULL;
    world->loaded_code = fl_file_load(self, world->path, 100, &bytes, NULL, NULL);
    snprintf(world->loaded, sizeof world->loaded, "%s", (const char *)bytes);
    fl_node_stop(world->node, 0);
}

static void write_into_pipe(const struct world *world)
{
    int fd = open(world->path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "late", 4), 4);
    close(fd);
}

static void go_on_meanwhile(struct fl_self *self, void *cx)
{
    struct world *world = cx;
    world->steps++;
    write_into_pipe(world);
}

static void a_disk_that_does_not_answer_holds_up_no_other_process(void **state)
{
    struct world world = {.loaded_code = 1};
    open_world(&world);
    assert_int_equal(mkfifo(world.path, 0600), 0);
    stage_add(world.node, load_pipe, &world);
    stage_add(world.node, go_on_meanwhile, &world); /* starts once the first one waits */
    stage_play(world.node);
    assert_int_equal(world.steps, 1);
    assert_int_equal(world.loaded_code, 0);
    assert_string_equal(world.loaded, "late");
    close_world(&world);
}

/* ---- killed while it waits for the disk: gone at once, and what the disk said is nobody's */

static int mourner_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *world = (struct world *)(uintptr_t)args;
    *(struct world **)state = world;
    fl_monitor(self, world->reader);
    return fl_node_send(world->node, fl_self_pid(self), 0, NULL, 0);
}

static void mourner_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world = *(struct world **)state;
    fl_exit(self, world->reader, fl_reason_of(FL_EXIT_KILL));
}

static void mourner_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                            const struct fl_reason *reason)
{
    struct world *world = *(struct world **)state;
    world->steps++; /* before anybody wrote into the pipe */
    write_into_pipe(world);
    fl_node_stop(world->node, 0);
}

static const struct fl_server mourner_server = {.name = "mourner",
                                                .state_bytes = sizeof(struct world *),
                                                .on_init = mourner_on_init,
                                                .on_cast = mourner_on_cast,
                                                .on_down = mourner_on_down};

static void a_process_that_is_killed_while_it_reads_is_gone_at_once(void **state)
{
    struct world world = {.loaded_code = 1};
    struct fl_spawn_opts opts = {.args = &world};
    open_world(&world);
    assert_int_equal(mkfifo(world.path, 0600), 0);
    world.reader = stage_add(world.node, load_pipe, &world);
    assert_int_equal(fl_node_spawn(world.node, &mourner_server, &opts, NULL), 0);
    stage_play(world.node);
    assert_int_equal(world.steps, 1);
    assert_int_equal(world.loaded_code, 1); /* it never went on */
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_saved_read_extended_renamed_and_removed),
        cmocka_unit_test(what_cannot_be_is_an_error_value_and_leaves_nothing_behind),
        cmocka_unit_test(a_disk_that_does_not_answer_holds_up_no_other_process),
        cmocka_unit_test(a_process_that_is_killed_while_it_reads_is_gone_at_once),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
