/* The memory of a core's connections: used again, grown by slabs, and given back as a whole. */
#include "server/conn_slab.h"
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct core *make_core(void)
{
    struct core *core = test_calloc(1, sizeof *core);

    list_init(&core->conns_free);
    return core;
}

static void free_core(struct core *core)
{
    conn_slabs_release(core);
    assert_null(core->slabs);
    test_free(core);
}

static void the_last_one_put_back_is_taken_last(void **state)
{
    struct core *core = make_core();
    struct conn *one = conn_slab_take(core), *other = conn_slab_take(core);

    (void)state;
    assert_ptr_not_equal(one, other);
    conn_slab_put(core, one);
    conn_slab_put(core, other);
    for (int i = 2; i < CONN_SLAB; i++)
        assert_non_null(conn_slab_take(core));
    assert_ptr_equal(conn_slab_take(core), one);
    assert_ptr_equal(conn_slab_take(core), other);
    assert_null(core->slabs->next);
    free_core(core);
}

static void there_are_as_many_as_are_wanted(void **state)
{
    struct core *core = make_core();

    (void)state;
    for (int i = 0; i < CONN_SLAB; i++)
        assert_non_null(conn_slab_take(core));
    assert_null(core->slabs->next);
    assert_non_null(conn_slab_take(core));
    assert_non_null(core->slabs->next);
    assert_null(core->slabs->next->next);
    free_core(core);
}

static void structs_are_used_again(void **state)
{
    struct stage *stage = stage_calm();

    (void)state;
    for (int i = 0; i < 3 * CONN_SLAB; i++) {
        struct client *client = client_visit(stage, "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n");
        client_gets_file(client, FILE_HELLO);
        client_forget(client);
        stage_settle(stage);
    }
    assert_non_null(stage->loop.core.slabs);
    assert_null(stage->loop.core.slabs->next);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_put_back_is_taken_last),
        cmocka_unit_test(there_are_as_many_as_are_wanted),
        cmocka_unit_test(structs_are_used_again),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}
