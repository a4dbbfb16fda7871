/* cli_commands.c: every command with its options, words and examples. */
#include "engine/cli.h"

static const struct fl_cli_option run_options[] = {
    {"seed", "N", "make every random draw from N (up to 16 hexadecimal digits)", false},
    {"out", "DIR", "put run folders under DIR instead of runs/", false},
    {"set", "KEY.PATH=VALUE", "change the scenario; may be given again", true},
    {"plan", "FILE", "run this plan instead of drawing one", false},
    {"format", "LIST", "write these reports: html,json,junit,md,csv", false},
    {"ui", NULL, "watch it in a browser: charts, faults, the supervision tree", false},
    {"quiet", NULL, "say only the verdict", false},
    {0},
};
static const struct fl_cli_option load_options[] = {
    {"seed", "N", "make every random draw from N (up to 16 hexadecimal digits)", false},
    {"out", "DIR", "put run folders under DIR instead of runs/", false},
    {"set", "KEY.PATH=VALUE", "change the scenario; may be given again", true},
    {"format", "LIST", "write these reports: html,json,junit,md,csv", false},
    {"ui", NULL, "watch it in a browser: charts, faults, the supervision tree", false},
    {"quiet", NULL, "say only the verdict", false},
    {0},
};
static const struct fl_cli_option check_options[] = {
    {"set", "KEY.PATH=VALUE", "change the scenario; may be given again", true},
    {0},
};
static const struct fl_cli_option plan_options[] = {
    {"seed", "N", "make every random draw from N (up to 16 hexadecimal digits)", false},
    {"set", "KEY.PATH=VALUE", "change the scenario; may be given again", true},
    {"json", NULL, "print plan.json (docs/plan.md)", false},
    {0},
};
static const struct fl_cli_option report_options[] = {
    {"format", "LIST", "write these: html,json,junit,md,csv", false},
    {0},
};
static const struct fl_cli_option compare_options[] = {
    {"force", NULL, "compare runs of different hosts, too", false},
    {0},
};
static const struct fl_cli_option list_options[] = {
    {"json", NULL, "print JSON for machines", false},
    {0},
};
static const struct fl_cli_option serve_options[] = {
    {"port", "N", "the first one listens on N, the next ones follow; otherwise free ports", false},
    {"landing", "N", "the page that links them listens on N; otherwise after the last one", false},
    {"out", "DIR", "keep data and logs under DIR; otherwise a temporary folder", false},
    {"source", "WHAT",
     "the dashboard watches WHAT: node:all, proc:PID, http://…; may be given again", true},
    {"json", NULL, "say what happens in lines of JSON", false},
    {0},
};
static const struct fl_cli_option observe_options[] = {
    {"sort", "WHAT", "the largest first by memory (otherwise), mailbox or handled", false},
    {"tree", NULL, "begin with the supervision trees", false},
    {"once", NULL, "print once and end; so it is without a terminal", false},
    {"json", NULL, "print once, as JSON", false},
    {0},
};
static const struct fl_cli_option init_options[] = {
    {"out", "FILE", "write FILE instead of scenario.yaml", false},
    {0},
};
static const struct fl_cli_option worker_options[] = {
    {"instance", "NAME", "", false}, {"folder", "DIR", "", false},
    {"run", "DIR", "", false},       {"control", "FD", "", false},
    {"port", "N", "", false},        {"host", "ADDRESS", "", false},
    {"figures", "FILE", "", false},  {0},
};

static const char *const list_words[] = {"faults",   "toxics",  "workloads", "checks",
                                         "services", "metrics", NULL};
static const char *const shell_words[] = {"bash", "zsh", NULL};

static const char exit_codes[] =
    "Exit codes: 0 every target met, 1 a target missed or data inconsistent, 2 cannot tell,\n"
    "64 bad usage or scenario, 69 the services did not start, 70 internal error, 130 interrupted.";

const struct fl_cli_command fl_cli_commands[] = {
    {.name = "run",
     .args = "FILE",
     .help = "run a scenario: load, faults, recovery, verdict",
     .options = run_options,
     .args_min = 1,
     .args_max = 1,
     .examples = "faultline run scenario.yaml\n"
                 "faultline run scenario.yaml --seed 7 --set duration=60s\n"
                 "faultline run scenario.yaml --set load.gets.rate=500/s --format junit,md\n"
                 "faultline run scenario.yaml --plan runs/web/latest/plan.json\n"
                 "faultline run scenario.yaml --ui\n",
     .more = exit_codes,
     .run = fl_cli_run},
    {.name = "check",
     .args = "FILE…",
     .help = "validate scenarios; silent when good",
     .options = check_options,
     .args_min = 1,
     .args_max = -1,
     .examples = "faultline check scenarios/*.yaml\n",
     .run = fl_cli_check},
    {.name = "plan",
     .args = "FILE",
     .help = "show what a seed makes of a scenario",
     .options = plan_options,
     .args_min = 1,
     .args_max = 1,
     .examples = "faultline plan scenario.yaml --seed 7\n"
                 "faultline plan scenario.yaml --json > plan.json\n",
     .more = "Every random draw is made here: the same scenario and seed give the same plan, and\n"
             "faultline run --plan runs an edited one.",
     .run = fl_cli_plan},
    {.name = "report",
     .args = "RUN",
     .help = "judge and render a stored run again",
     .options = report_options,
     .args_min = 1,
     .args_max = 1,
     .examples = "faultline report runs/web/latest\n"
                 "faultline report runs/web/latest --format csv\n",
     .more = "RUN is a run folder, or the folder of a scenario's runs (its latest is taken).\n"
             "Also works on the record of a run that was killed. Exit codes are those of run.",
     .run = fl_cli_report},
    {.name = "compare",
     .args = "BASE NEW",
     .help = "did recovery become slower? a gate between two sets of runs",
     .options = compare_options,
     .args_min = 2,
     .args_max = 2,
     .examples = "faultline compare before/web after/web   # all runs in them\n"
                 "faultline compare runs/web/20261122T112233Z-7 runs/web/latest\n",
     .more = "BASE and NEW are run folders, or folders of runs: all of these are taken together.\n"
             "Recoveries are compared by kind of fault; a kind is slower when a Mann-Whitney test\n"
             "says so (p < 0.01) and the shift is beyond the larger of 10 % and 20 ms. From 8\n"
             "recoveries a side on it can be told; run with --out DIR several times to get them.\n"
             "Exit codes: 0 no change, 1 slower, 2 cannot tell.",
     .run = fl_cli_compare},
    {.name = "list",
     .args = "faults|toxics|workloads|checks|services|metrics",
     .help = "what this version knows",
     .options = list_options,
     .args_min = 1,
     .args_max = 1,
     .words = list_words,
     .examples = "faultline list faults\n"
                 "faultline list workloads --json\n",
     .run = fl_cli_list},
    {.name = "serve",
     .args = "NAME…",
     .help = "host reference services for a browser, supervised, on loopback",
     .options = serve_options,
     .args_min = 1,
     .args_max = 32,
     .examples =
         "faultline serve chat queue dashboard\n"
         "faultline serve queue --port 8080 --out data\n"
         "faultline serve dashboard --source node:all --source http://127.0.0.1:9100/metrics\n"
         "faultline serve chat --json | jq -r 'select(.event == \"ready\").url'\n",
     .more =
         "A page of its own links them, shows the supervision tree of all, live, and crashes what\n"
         "you choose, so that you can watch it heal. Ctrl-C stops everything.\n"
         "See: faultline list services",
     .run = fl_cli_serve},
    {.name = "observe",
     .args = "[SOCKET|PID]",
     .help = "watch the processes of a running node, live",
     .options = observe_options,
     .args_max = 1,
     .examples = "faultline observe\n"
                 "faultline observe 4711 --sort mailbox\n"
                 "faultline observe --json | jq '.nodes[].total'\n",
     .more =
         "Looks at what `faultline serve` or `faultline run` runs in another terminal, services\n"
         "included. Keys: q quit, t tree or list, s sort, arrows and page keys move.\n"
         "Each node has a socket in $XDG_RUNTIME_DIR/faultline, or /tmp/faultline-UID.",
     .run = fl_cli_observe},
    {.name = "init",
     .args = "[-- COMMAND…]",
     .help = "write a commented starter scenario for your own program",
     .options = init_options,
     .args_max = 0,
     .rest = true,
     .examples = "faultline init -- node server.js --port 8080\n"
                 "faultline init --out redis.yaml -- redis-server --port '${port}'\n",
     .more =
         "In COMMAND, ${port} stands for the port that the program shall listen on; it also takes\n"
         "the place of a port written as a number. Without either, the program finds the port in\n"
         "the environment variable PORT.",
     .run = fl_cli_init},
    {.name = "load",
     .args = "FILE",
     .help = "only the load of a scenario, without its faults",
     .options = load_options,
     .args_min = 1,
     .args_max = 1,
     .examples = "faultline load scenario.yaml --set duration=10s\n",
     .more = exit_codes,
     .run = fl_cli_run},
    {.name = "version",
     .help = "print the version",
     .args_max = 0,
     .examples = "faultline version\n",
     .run = fl_cli_version},
    {.name = "help",
     .args = "[COMMAND]",
     .help = "print help, of everything or of one command",
     .args_max = 1,
     .examples = "faultline help run\n",
     .run = fl_cli_help},
    {.name = "completion",
     .args = "bash|zsh",
     .help = "print a completion script for a shell",
     .args_min = 1,
     .args_max = 1,
     .words = shell_words,
     .examples = "source <(faultline completion bash)\n"
                 "faultline completion zsh > ~/.zfunc/_faultline\n",
     .run = fl_cli_completion},
    {.name = "schema",
     .help = "print the JSON Schema of scenarios (docs/scenario.schema.json)",
     .args_max = 0,
     .hidden = true,
     .run = fl_cli_schema},
    {.name = "worker",
     .args = "service|load|links",
     .help = "Faultline's own processes are started with this; not for people",
     .options = worker_options,
     .args_min = 1,
     .args_max = 2,
     .hidden = true,
     .run = fl_cli_worker},
    {0},
};
