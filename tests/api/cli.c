/* The `tilec` command as its users meet it: exit codes, files, and every kind of bad input. The
 * program is the one of the same build, two folders above this test. */
#include "api/kernels.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char tilec[4096], folder[300], said[1 << 16], complained[1 << 16];

static void read_text(const char *name, char *text, size_t size_b) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *from = fopen(path, "rb");
  size_t n = from ? fread(text, 1, size_b - 1, from) : 0;
  text[n] = 0;
  if (from) fclose(from);
}

/* Runs `prefix tilec words` in the folder; the exit code, or -1 for a signal. */
static int run_with(const char *prefix, const char *words) {
  char command[8192];
  snprintf(command, sizeof command, "cd '%s' && %s '%s' %s >said 2>complained </dev/null", folder,
           prefix, tilec, words);
  int status = system(command);
  read_text("said", said, sizeof said);
  read_text("complained", complained, sizeof complained);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(const char *words) {
  return run_with("", words);
}

/* The command must end with this code and complain in these words. */
static void refuses_with(const char *prefix, const char *words, int code, const char *part) {
  int saw = run_with(prefix, words);
  if (!CHECK(saw == code))
    printf("  exit %d, expected %d: tilec %s\n  %s\n", saw, code, words, complained);
  if (!CHECK_TEXT(complained, part)) printf("  tilec %s\n", words);
}

static void refuses(const char *words, int code, const char *part) {
  refuses_with("", words, code, part);
}

static void accepts(const char *words) {
  int saw = run(words);
  if (!CHECK(saw == 0)) printf("  exit %d: tilec %s\n  %s\n", saw, words, complained);
}

static void put(const char *name, const void *bytes, size_t n) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *to = fopen(path, "wb");
  CHECK(to && fwrite(bytes, 1, n, to) == n && fclose(to) == 0);
}

static void put_text(const char *name, const char *text) {
  put(name, text, strlen(text));
}

static int exists(const char *name) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return access(path, F_OK) == 0;
}

/* Nothing but the named outputs may be left by a run: no temporary files. */
static int n_temporary(void) {
  char command[400], text[64] = "";
  snprintf(command, sizeof command, "ls -A '%s' | grep -c 'npy\\.' ", folder);
  FILE *from = popen(command, "r");
  if (from && !fgets(text, sizeof text, from)) text[0] = 0;
  if (from) pclose(from);
  return atoi(text);
}

/* A .npy file of version 1 with this dictionary and payload. */
static void put_npy(const char *name, const char *dict, const void *data, size_t data_b) {
  char file[8192];
  size_t n = strlen(dict);
  memcpy(file, "\x93NUMPY\x01\x00", 8);
  file[8] = (char)(n & 0xff), file[9] = (char)(n >> 8);
  memcpy(file + 10, dict, n);
  if (data_b) memcpy(file + 10 + n, data, data_b);
  put(name, file, 10 + n + data_b);
}

static void put_floats(const char *name, int n) {
  char dict[200];
  float x[1000];
  for (int i = 0; i < n; i++)
    x[i] = (float)i;
  snprintf(dict, sizeof dict, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }\n", n);
  put_npy(name, dict, x, (size_t)n * sizeof *x);
}

/* The floats of a file that NumPy, or we, wrote. */
static int get_floats(const char *name, float *x, int n) {
  char file[1 << 14];
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *from = fopen(path, "rb");
  size_t size_b = from ? fread(file, 1, sizeof file, from) : 0;
  if (from) fclose(from);
  if (size_b < 10 || memcmp(file, "\x93NUMPY", 6)) return 0;
  size_t start = 10 + (size_t)(unsigned char)file[8] + ((size_t)(unsigned char)file[9] << 8);
  if (size_b != start + (size_t)n * sizeof *x) return 0;
  memcpy(x, file + start, (size_t)n * sizeof *x);
  return 1;
}

/* ---- kernels ---- */

static const char SCALE[] = "import tilec\n"
                            "import tilec.language as T\n"
                            "@tilec.jit\n"
                            "def scale(n, dtype=T.float32):\n"
                            "    @T.prim_func\n"
                            "    def main(A: T.Tensor((n,), dtype)):\n"
                            "        with T.Kernel(T.ceildiv(n, 64), threads=64) as bx:\n"
                            "            for i in T.Parallel(64):\n"
                            "                A[bx * 64 + i] = A[bx * 64 + i] * 2\n"
                            "    return main\n";

/* A tensor of vectors. */
static const char PAIRS[] = "import tilec.language as T\n"
                            "n = T.dynamic('n')\n"
                            "@T.prim_func\n"
                            "def main(A: T.Tensor((n,), 'float32x2')):\n"
                            "    with T.Kernel(n) as bx:\n"
                            "        A[bx] = A[bx] * T.float32x2(1, 2)\n";

static const char ASKS[] = "import tilec\n"
                           "import tilec.language as T\n"
                           "@tilec.jit\n"
                           "def workspace(n):\n"
                           "    @T.prim_func\n"
                           "    def main(A: T.Tensor((4,), T.float32), m: T.int64):\n"
                           "        W = T.alloc_global((m, n), T.float32)\n"
                           "        with T.Kernel(1, threads=32) as bx:\n"
                           "            W[0, 0] = A[0]\n"
                           "            A[1] = W[0, 0]\n"
                           "    return main\n"
                           "@tilec.jit\n"
                           "def fails():\n"
                           "    @T.prim_func\n"
                           "    def main(A: T.Tensor((4,), T.float32)):\n"
                           "        with T.Kernel(4, threads=32) as bx:\n"
                           "            T.device_assert(A[bx] < 3.0, 'too large')\n"
                           "            A[bx] = 0.0\n"
                           "    return main\n"
                           "@tilec.jit\n"
                           "def outside():\n"
                           "    @T.prim_func\n"
                           "    def main(A: T.Tensor((4,), T.float32)):\n"
                           "        with T.Kernel(1, threads=32) as bx:\n"
                           "            s = T.alloc_shared((4,), T.float32)\n"
                           "            for i in T.Parallel(5):\n"
                           "                s[i] = 1.0\n"
                           "            T.copy(s, A)\n"
                           "    return main\n";

/* ---- cases ---- */

static void command_line(void) {
  accepts("version");
  CHECK_TEXT(said, "tilec 0.");
  accepts("--help");
  CHECK_TEXT(said, "Exit codes");
  accepts("help run");
  CHECK_TEXT(said, "--random");
  accepts("help bench");
  CHECK_TEXT(said, "--flops");
  accepts("run --help");
  CHECK_TEXT(said, "--random");
  CHECK(run("") == 2);
  refuses("frobnicate", 2, "no verb 'frobnicate'");
  refuses("help frobnicate", 2, "no verb 'frobnicate'");
  refuses("run", 2, "run takes one file");
  refuses("run a b", 2, "run takes one file");
  refuses("run --frobnicate x.py", 2, "no option --frobnicate");
  refuses("run -Z x.py", 2, "no option -Z");
  refuses("run x.py -D", 2, "-D needs a value");
  refuses("run x.py -D novalue", 2, "expected NAME=VALUE");
  refuses("run x.py -D =3", 2, "expected NAME=VALUE");
  refuses("run x.py -D a=1 -D a=2", 2, "'a' is given twice");
  refuses("run x.py --bench=0", 2, "--bench is '0'");
  refuses("run x.py --dim n=x", 2, "--dim");
  refuses("run x.py --rtol=-1", 2, "--rtol is '-1'");
  refuses("run x.py --format=xml", 2, "--format is 'xml'");
  refuses("run x.py --quiet=yes", 2, "takes no value");
  refuses("run x.py -j many", 2, "jobs is 'many'");
  refuses("run x.py --cache=perhaps", 2, "off|ro|rw");
  refuses("run nothing.py", 1, "[E0656]: cannot read nothing.py");
  refuses("run . ", 1, "[E0656]");
  refuses("run add.py --target=rocket --random --dim n=4 --in s=1", 4, "'rocket' is not built in");
  refuses("run add.py --target=cuda:sm_90a --libcuda=/nowhere/x.so --random --dim n=4 --in s=1", 4,
          "[E0670]: no CUDA driver: /nowhere/x.so");
  refuses("run add.py --target=cuda:sm_1 --random", 4, "there is no CUDA architecture 'sm_1'");
  refuses("emit add.py --emit=cuda --libcuda=/nowhere/x.so", 4, "[E0670]");
  refuses("bench add.py --random --dim n=4 --in s=1 --runs=0", 2, "--runs is '0'");
  refuses("bench add.py --random --dim n=4 --in s=1 --flops=-1", 2, "--flops is '-1'");
  refuses("bench add.py --random --dim n=4 --in s=1 --out C=c.npy", 2, "bench writes no files");
  refuses("bench add.py --dim n=4 --in s=1", 1, "nothing was given for 'A'");
  refuses("emit add.py --emit=wasm", 2, "no form 'wasm'");
  refuses("explain E9999", 2, "no diagnostic 'E9999'");
  refuses("cache", 2, "cache takes one word");
  refuses("cache frobnicate", 2, "no verb 'frobnicate'");
}

static void shows(void) {
  accepts("explain E0635");
  CHECK_TEXT(said, "launch_stride");
  accepts("explain launch_stride --format=json");
  CHECK_TEXT(said, "\"code\":\"E0635\"");
  accepts("explain");
  CHECK_TEXT(said, "E0635");
  accepts("targets");
  CHECK_TEXT(said, "interp");
  accepts("targets --format=json");
  CHECK_TEXT(said, "\"name\":\"cpu\"");
  CHECK_TEXT(said, "\"name\":\"cuda:sm_90a\"");
  accepts("doctor");
  CHECK_TEXT(said, "cache_dir");
  accepts("doctor --format=json");
  CHECK(said[0] == '{' && strstr(said, "\"threads\":"));
  accepts("check add.py");
  accepts("check add.py --format=json");
  CHECK_TEXT(said, "\"status\":\"ok\"");
  accepts("emit add.py --emit=ast");
  accepts("emit add.py --emit=ir -o add.tir");
  accepts("opt add.tir --run canon -o tile.tir");
  accepts("check tile.tir");
  accepts("emit add.py --emit=tile");
  CHECK_TEXT(said, "tir 1 tile");
  accepts("emit tile.tir --emit=c");
  CHECK_TEXT(said, "main_kernel(");
  accepts("emit add.py --emit=tile --dump=dumps --time-report");
  CHECK(exists("dumps"));
  CHECK_TEXT(complained, "canon");
  CHECK_TEXT(complained, "prover for check");
  CHECK_TEXT(complained, "proved");
  accepts("emit add.py --emit=tile --time-report --prove=off");
  CHECK(!strstr(complained, "prover"));
  accepts("opt --print-pipeline");
  CHECK_TEXT(said, "canon");
  refuses("opt add.tir --run cannon", 2, "did you mean 'canon'?");
  refuses("check add.py -fno-cannon", 2, "[E0812]: no pass is named 'cannon'");
  refuses("check add.py -fno-canon", 2, "[E0814]");
  refuses("emit add.py -o /nowhere/x", 1, "[E0655]: cannot write /nowhere/x");
  CHECK(run_with("cat add.py |", "check -") == 1); /* stdin is /dev/null here: an empty module */
}

static void runs(void) {
  float x[1000];
  accepts("run add.py --in A=a.npy --in s=0.5 --out C=c.npy");
  CHECK(get_floats("c.npy", x, 100) && x[0] == 0.5f && x[99] == 99.5f);
  accepts("run add.py --in A=a.npy --in s=2 --out C=d.npy --target=interp -j1 -vv");
  CHECK(get_floats("d.npy", x, 100) && x[7] == 9);
  put_floats("inout.npy", 100);
  accepts("run scale.py -D n=100 --in A=inout.npy --out A=inout.npy");
  CHECK(get_floats("inout.npy", x, 100) && x[99] == 198);
  accepts("run add.py --random=7 --dim n=33 --in s=1 --check --bench=3");
  CHECK_TEXT(said, "agrees with the interpreter");
  CHECK_TEXT(said, "3 runs");
  accepts("run add.py --random -D n=33 --in s=1 --check");
  accepts(
      "run add.py --random --dim n=33 --in s=1 --out A=kept.npy --check"); /* random, and kept */
  accepts("bench add.py --random --dim n=33 --in s=1 --check --runs=7 --flops=33");
  CHECK_TEXT(said, "7 runs on 32 sets of arguments");
  CHECK_TEXT(said, "(264 bytes)"); /* A is read, C is written */
  CHECK_TEXT(said, "TFLOP/s");
  CHECK_TEXT(said, "agrees with the interpreter");
  accepts("bench add.py --random --dim n=33 --in s=1 --runs=7 --format=json");
  CHECK_TEXT(said, "\"bytes\":264,");
  CHECK_TEXT(said, "\"tflop_per_s\":null,");
  accepts("run add.py --random --dim n=33 --in s=1 --check --bench=3 --format=json");
  CHECK_TEXT(said, "\"runs\":3");
  CHECK_TEXT(said, "\"check\":\"ok\"");
  CHECK(said[0] == '{' && said[strlen(said) - 1] == '\n');
  accepts("run add.py -D dtype=T.float16 --random --dim n=65 --in s=1 --check");
  accepts("run add.py -D dtype=bfloat16 --random --dim n=65 --in s=1 --out C=bf.npy");
  CHECK(run_with("", "run add.py -D dtype=bfloat16 --in A=bf.npy --in s=1 --out C=bf2.npy") == 0);
  CHECK(n_temporary() == 0);
}

/* `words` with %s for the build's folder of stand-ins. */
static const char *with_fakes(const char *words) {
  static char text[8192];
  char fakes[4096];
  snprintf(fakes, sizeof fakes, "%.*s/tests/fake", (int)(strlen(tilec) - strlen("/tilec")), tilec);
  snprintf(text, sizeof text, words, fakes);
  return text;
}

static void peers(void) {
  accepts(
      with_fakes("bench add.py --random --dim n=500 --in s=1.5 --runs=20 --peer=%s/peer.so:right"));
  CHECK_TEXT(said, "peer.so:right on cpu: median");
  CHECK_TEXT(said, "20 runs in turn with ours");
  CHECK_TEXT(said, "agrees with the peer (worst difference 0)");
  accepts(with_fakes("bench add.py --random --dim n=500 --in s=1.5 --runs=20 --check --format=json "
                     "--peer=%s/peer.so:right"));
  CHECK_TEXT(said, "\"check\":\"ok\"");
  CHECK_TEXT(said, "\"ratio\":");
  CHECK_TEXT(said, "\"own_ns\":");
  CHECK_TEXT(said, "\"passes\":");
  refuses(with_fakes("bench add.py --random --dim n=500 --in s=1 --peer=%s/peer.so:wrong"), 3,
          "[E0658]: C[5] is ");
  refuses(with_fakes("bench add.py --random --dim n=500 --in s=1 --peer=%s/peer.so:wrong --check"),
          3, "that is what the peer");
  refuses(with_fakes("bench add.py --random --dim n=500 --in s=1 --peer=%s/peer.so:failing"), 1,
          "[E0675]: the peer of main returned 3");
  refuses(with_fakes("bench add.py --random --dim n=5 --in s=1 --peer=%s/peer.so:none"), 1,
          "there is no 'none' in it");
  refuses("bench add.py --random --dim n=5 --in s=1 --peer=no.so:right", 1, "no.so");
  refuses("bench add.py --random --dim n=5 --in s=1 --peer=no.so", 2,
          "--peer is 'no.so', expected FILE.so:FUNCTION");
  refuses("bench add.py --random --dim n=5 --in s=1 --peer=no.so:f --peer-target=cpu", 2,
          "is a function: it has no target and no values");
  accepts("bench add.py --random --dim n=500 --in s=1 --runs=20 -v --peer=add.py:add "
          "--peer-define block=128");
  CHECK_TEXT(said, "agrees with the peer");
  CHECK_TEXT(said, "of which our own work took");
  accepts("bench add.py --random --dim n=50 --in s=1 --runs=9 --check --peer=add.py "
          "--peer-target=interp");
  CHECK_TEXT(said, "peer add.py on interp");
  accepts("bench scale.py -D n=100 --random --runs=20 --peer=scale.py --check"); /* in place */
  accepts("bench scale.py -D n=100 --random --runs=20 --peer=scale.py");
  put_text("double.py",
           "import tilec.language as T\n"
           "@T.prim_func\n"
           "def double(A: T.Tensor((100,), T.float32), C: T.Tensor((100,), T.float32)):\n"
           "    with T.Kernel(1):\n"
           "        for i in T.Parallel(100):\n"
           "            C[i] = A[i] * 2\n");
  refuses("bench scale.py -D n=100 --random --peer=double.py --peer-define n=", 1,
          "--peer double.py takes 2 arguments, and ");
  refuses("bench add.py --random -D n=100 --in s=1 --peer=add.py --peer-define n=99", 1,
          "its argument 'A' is not like argument 'A' of main");
}

/* What a GPU needs is missing. */
static void no_gpu(void) {
  refuses(with_fakes("run add.py --target=cuda:sm_90a --libcuda=%s/cuda.so --nvrtc=/nowhere/x.so "
                     "--nvcc=/nowhere/nvcc --random --dim n=4 --in s=1"),
          4, "[E0706]");
}

static void bad_arguments(void) {
  refuses("run add.py --in A=a.npy --out C=x.npy", 1,
          "[E0657]: nothing was given for the scalar 's'");
  refuses("run add.py --in s=1 --out C=x.npy", 1, "nothing was given for 'A'");
  refuses("run add.py --in A=a.npy --in s=1", 1, "nothing was given for 'C': --out C=FILE.npy");
  refuses("run add.py --in B=a.npy --in s=1", 1,
          "--in B: main has no parameter of this name, only A, s, C");
  refuses("run add.py --in A=a.npy --in s=1 --out D=x.npy", 1, "--out D");
  refuses("run add.py --in A=a.npy --in s=one --out C=x.npy", 1,
          "--in s is 'one', expected a number");
  refuses("run add.py --in A=a.npy --in s=1 --out s=x.npy --out C=x.npy", 1,
          "a scalar cannot be an output");
  refuses("run add.py --random --in s=1", 1, "[E0643]");
  refuses("run add.py --random --dim m=3 --in s=1", 1, "--dim m");
  refuses("run add.py --random --dim n=0 --in s=1", 1, "[E0642]");
  refuses("run add.py --random -D n=three --in s=1", 1, "[E0239]");
  refuses("run add.py --random -D m=3 --in s=1", 1, "[E0236]");
  refuses("run add.py --in A=a.npy --in C=short.npy --in s=1 --out C=x.npy", 1, "[E0634]");
  refuses("run pairs.py --in A=a.npy --out A=x.npy", 1, "[E0633]"); /* [n, 2] is wanted */
  refuses("run scale.py --in A=a.npy --out A=x.npy", 1, "error[E02");
  refuses("run scale.py -D n=100 -D typo=1 --in A=a.npy --out A=x.npy", 1, "typo");
  refuses("run scale.py -D n=ten --in A=a.npy --out A=x.npy", 1, "error[E");
  refuses("run scale.py -D n=99 --in A=a.npy --out A=x.npy", 1, "[E0634]");
  refuses("run scale.py:nobody -D n=99 --in A=a.npy", 1, "nobody");
  refuses("run asks.py -D n=1 --in A=a.npy", 1, "error[E02");
  CHECK(!exists("x.npy") && n_temporary() == 0);
}

/* Files that are not what they should be: each is refused with a code, on both targets. */
static void bad_files(void) {
  static const struct {
    const char *dict, *code;
  } BAD[] = {
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", "E0632"},
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }", "E0651"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (4,), }", "E0651"},
      {"{'descr': '<U8', 'fortran_order': False, 'shape': (4,), }", "E0651"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }", "E0651"},
      {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", "E0652"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", "E0633"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "E0633"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", "E0653"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }", "E0653"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }", "E0654"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "E0650"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }", "E0650"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1), }",
       "E0650"},
      {"{'descr': '<f4', 'fortran_order': False}", "E0650"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': 4}", "E0650"},
      {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (4,)}", "E0650"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", "E0650"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} trailing", "E0650"},
      {"{'descr': '<f4' 'fortran_order': False, 'shape': (4,)}", "E0650"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,", "E0650"},
      {"__import__('os').system('true')", "E0650"},
      {"", "E0650"},
  };
  const float four[4] = {1, 2, 3, 4};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    put_npy("bad.npy", BAD[i].dict, four, sizeof four);
    refuses(i % 2 ? "run add.py --in A=bad.npy --in s=1 --out C=x.npy"
                  : "run add.py --in A=bad.npy --in s=1 --out C=x.npy --target=interp",
            1, BAD[i].code);
  }
  put_npy("good.npy", "{\"shape\": (4L,), 'fortran_order': True, 'descr': '=f4'}\n   ", four, 16);
  accepts("run add.py --in A=good.npy --in s=1 --out C=y.npy");
  put("bad.npy", "\x93NUMPY\x02\x00\xff\xff\xff\xff{", 13);
  refuses("run add.py --in A=bad.npy --in s=1 --out C=x.npy", 1, "E0650");
  put("bad.npy", "\x93NUMPY\x09\x00\x10\x00{", 11);
  refuses("run add.py --in A=bad.npy --in s=1 --out C=x.npy", 1, "E0650");
  put("bad.npy", "\x93NUM", 4);
  refuses("run add.py --in A=bad.npy --in s=1 --out C=x.npy", 1, "E0650");
  refuses("run add.py --in A=. --in s=1 --out C=x.npy", 1, "E0656");
  refuses("run add.py --in A=/dev/zero --in s=1 --out C=x.npy", 1, "E0656");
  refuses("run add.py --in A=nothing.npy --in s=1 --out C=x.npy", 1, "E0656");
  CHECK(!exists("x.npy"));
}

static void bad_outputs(void) {
  float x[100];
  refuses("run add.py --in A=a.npy --in s=1 --out C=nowhere/c.npy", 1, "E0655");
  refuses("run add.py --in A=a.npy --in s=1 --out C=.", 1, "E0655");
  refuses("run add.py --in A=a.npy --in s=1 --out C=/dev/full", 1, "E0655");
  refuses("run add.py --in A=a.npy --in s=1 --out C=", 1, "E0655");
  put_floats("keep.npy", 100); /* a disk that fills up while the result is written */
  refuses_with("ulimit -f 1; trap '' XFSZ;",
               "run add.py --in A=a.npy --in s=1 --out C=keep.npy --target=interp "
               "--cache=off",
               1, "E0655");
  CHECK(get_floats("keep.npy", x, 100) && x[99] == 99 && n_temporary() == 0);
  put_floats("three.npy", 4);
  refuses("run asks.py:fails --in A=three.npy --out A=three.npy", 1, "E0644");
  CHECK_TEXT(complained, "too large");
  refuses("run asks.py:fails --in A=three.npy --out A=three.npy --target=interp", 1, "E0609");
  CHECK(get_floats("three.npy", x, 4) && x[3] == 3 && x[0] == 0 && x[1] == 1);
}

/* The value of A[i] is i, up to 3. */
static const char CHECKS[] =
    "import tilec.language as T\n"
    "def number(A, i):\n"
    "    return T.cast(A[i], 'int32')\n"
    "@T.prim_func\n"
    "def divides(A: T.Tensor((4,), 'float32'), C: T.Tensor((4,), 'int32')):\n"
    "    with T.Kernel(1):\n"
    "        for i in T.Parallel(4):\n"
    "            C[i] = 12 // number(A, i)\n"
    "@T.prim_func\n"
    "def shifts(A: T.Tensor((4,), 'float32'), C: T.Tensor((4,), 'int32')):\n"
    "    with T.Kernel(1):\n"
    "        for i in T.Parallel(4):\n"
    "            C[i] = 1 << number(A, i) * 20\n"
    "@T.prim_func\n"
    "def assumes(A: T.Tensor((4,), 'float32'), C: T.Tensor((4,), 'int32')):\n"
    "    with T.Kernel(1):\n"
    "        for i in T.serial(4):\n"
    "            T.assume(A[i] < 3)\n"
    "            C[i] = i\n"
    "@T.prim_func\n"
    "def gathers(A: T.Tensor((4,), 'float32'), C: T.Tensor((4,), 'float32')):\n"
    "    with T.Kernel(1):\n"
    "        s = T.alloc_shared((6,), 'float32')\n"
    "        T.fill(s, 1.0)\n"
    "        for i in T.Parallel(4):\n"
    "            C[i] = s[number(A, i) * 2]\n"
    "@T.prim_func\n"
    "def asserts(A: T.Tensor((4,), 'float32'), C: T.Tensor((4,), 'int32')):\n"
    "    with T.Kernel(1):\n"
    "        for i in T.Parallel(4):\n"
    "            T.device_assert(A[i] < 3, 'too large')\n"
    "            C[i] = i\n"
    "@T.prim_func\n"
    "def careful(A: T.Tensor((4,), 'float32'), C: T.Tensor((4,), 'int32')):\n"
    "    with T.Kernel(1):\n"
    "        s = T.alloc_shared((4,), 'float32')\n"
    "        T.copy(A, s)\n"
    "        for i in T.Parallel(4):\n"
    "            n = number(A, i)\n"
    "            x = 12 % n if n != 0 else -1\n"
    "            y = T.Select(n > 0, 12 // n, 0) << (n if n < 32 else 0)\n"
    "            C[i] = x + y + (number(s, n - 1) if n > 0 else 0)\n";

static const char RACY[] =
    "import tilec.language as T\n"
    "@T.prim_func\n"
    "def main(A: T.Tensor((64,), 'float32'), B: T.Tensor((64,), 'float32')):\n"
    "    with T.Kernel(1, threads=64):\n"
    "        tx = T.get_thread_binding()\n"
    "        if tx < 32:\n"
    "            B[tx] = A[tx]\n"
    "        elif A[tx] < 1e30:\n"
    "            B[tx // 2] = A[tx]\n";

/* What only a run shows: two threads, two lines, one element. */
static void deep_check(void) {
  put_text("racy.py", RACY);
  accepts("check racy.py");
  refuses("check racy.py --deep", 1, "E0623");
  CHECK_TEXT(complained, "racy.py:9:");
  CHECK_TEXT(complained, "racy.py:7:");
  CHECK_TEXT(complained, "data race on 'B[16]': thread 32 writes what thread 16 wrote");
  accepts("check add.py --deep --dim n=33 --in s=1");
}

/* Mistakes that only some values make: the interpreter and checked code stop with one code. */
static void checked_code(void) {
  static const struct {
    const char *entry, *code, *place;
    int exit;
  } BAD[] = {
      {"divides", "E0608", "checks.py:8: a value depends on an integer division by zero", 3},
      {"shifts", "E0607", "checks.py:13: a value is undefined", 3},
      {"assumes", "E0610", "checks.py:18: an assumption does not hold", 1},
      {"gathers", "E0605", "checks.py:26: an index is outside shared buffer 's'", 3},
  };
  char command[200];
  put_text("checks.py", CHECKS);
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    snprintf(command, sizeof command, "run checks.py:%s --in A=three.npy --out C=stops.npy",
             BAD[i].entry);
    accepts(command);
    refuses_with("TILEC_CHECKED=on", command, BAD[i].exit, BAD[i].code);
    CHECK_TEXT(complained, BAD[i].place);
    refuses_with("TILEC_TARGET=interp", command, BAD[i].exit, BAD[i].code);
  }
  refuses("run checks.py:asserts --in A=three.npy --out C=stops.npy", 1, "E0644");
  CHECK_TEXT(complained, "checks.py:31: assertion failed: too large");
  accepts("run checks.py:careful --in A=three.npy --out C=stops.npy --checked");
  accepts("run checks.py:careful --in A=three.npy --out C=stops.npy --checked --check");
}

static void bad_memory(void) {
  refuses("run asks.py:workspace -D n=1000000 --in A=three.npy --in m=10000000", 1, "E0645");
  refuses("run asks.py:workspace -D n=1000000 --in A=three.npy --in m=10000000000000", 1, "E0640");
  refuses("run asks.py:workspace -D n=4 --in A=three.npy --in m=-1", 1, "E0640");
  refuses("run asks.py:workspace -D n=1000 --in A=three.npy --in m=100000000 --target=interp", 1,
          "E0612");
  refuses("run scale.py -D n=1000000000000 --random", 1, "E06");
  accepts("run asks.py:workspace -D n=4 --in A=three.npy --in m=2 --out A=w.npy");
}

static void bad_environment(void) {
  put_text("hang.sh", "#!/bin/sh\n[ \"$1\" = --version ] && echo hang 1.0 && exit 0\nsleep 100\n");
  put_text("fail.sh", "#!/bin/sh\n[ \"$1\" = --version ] && echo fail 1.0 && exit 0\n"
                      "echo no way >&2\nexit 3\n");
  refuses_with("chmod +x *.sh; TILEC_CACHE=off TILEC_CC=./hang.sh TILEC_CC_TIMEOUT=1",
               "run add.py --in A=a.npy --in s=1 --out C=x.npy", 1, "E0703");
  refuses_with("TILEC_CACHE=off TILEC_CC=./fail.sh",
               "run add.py --in A=a.npy --in s=1 --out C=x.npy", 1, "E0702");
  CHECK_TEXT(complained, "no way");
  refuses_with("TILEC_CACHE=off TILEC_CC=./nobody",
               "run add.py --in A=a.npy --in s=1 --out C=x.npy", 1, "E0701");
  CHECK(!exists("x.npy"));
  refuses_with("PATH=/nowhere", "run add.py --in A=a.npy --in s=1 --out C=i.npy", 0,
               "runs on the interpreter");
  refuses_with("TILEC_JOB=3", "version", 0, "did you mean TILEC_JOBS?");
  refuses_with("TILEC_CACHE=maybe", "version", 2, "TILEC_CACHE is 'maybe', expected off|ro|rw");
  refuses_with("TILEC_TARGET=tpu", "run add.py --in A=a.npy --in s=1 --out C=x.npy", 4, "tpu");
  refuses("run add.py --in A=a.npy --in s=1 --out C=x.npy --target=interp --steps=10", 5, "E0611");
  refuses("check asks.py:outside", 3, "error[E05");
  refuses("run asks.py:outside --in A=three.npy", 3, "error[E05");
  refuses("run add.py --in A=a.npy --in s=1 --out C=x.npy --format=json --target=tpu", 4,
          "{\"code\":\"\",\"severity\":\"error\"");
}

static void cache(void) {
  refuses_with("mkdir -p open; chmod 777 open; TILEC_CACHE_DIR=open",
               "run add.py --in A=a.npy --in s=1 --out C=c.npy", 0, "[E0750]");
  refuses_with("TILEC_CACHE_DIR=open", "cache ls", 1, "E0750");
  refuses_with("TILEC_CACHE_DIR=a.npy", "run add.py --in A=a.npy --in s=1 --out C=c.npy", 0,
               "[E075");
  refuses_with("TILEC_CACHE_DIR=/proc/nowhere", "run add.py --in A=a.npy --in s=1 --out C=c.npy", 0,
               "[E0751]");
  accepts("run add.py --in A=a.npy --in s=1 --out C=c.npy --cache=off");
  accepts("run add.py --in A=a.npy --in s=1 --out C=c.npy");
  accepts("run add.py --in A=a.npy --in s=1 --out C=c.npy --format=json");
  CHECK_TEXT(said, "\"cached\":true");
  accepts("cache ls");
  CHECK_TEXT(said, "main");
  accepts("cache stat --format=json");
  CHECK_TEXT(said, "\"damaged\":0");
  accepts("cache verify");
  CHECK(run_with("for f in kcache/v1/*/*/kernel.so; do echo >> $f; done;", "cache verify") == 3);
  CHECK_TEXT(complained, "E0752");
  accepts("run add.py --in A=a.npy --in s=1 --out C=c.npy --format=json");
  CHECK_TEXT(said, "\"cached\":false");
  accepts("cache gc");
  accepts("cache verify");
  accepts("cache clear");
  accepts("cache ls --format=json");
  CHECK(strcmp(said, "[]\n") == 0);
  refuses("cache clear --cache=ro", 2, "not opened for writing");
}

/* Killed at any moment, a run leaves no output or a whole one. */
static void killed(void) {
  char command[8192];
  for (int i = 0; i < 12; i++) {
    float x[100];
    snprintf(
        command, sizeof command,
        "cd '%s' && rm -f k.npy; timeout -s KILL 0.0%02d '%s' run add.py --in A=a.npy --in s=1 "
        "--out C=k.npy >/dev/null 2>&1",
        folder, 2 + i * 3, tilec);
    int status = system(command);
    (void)status;
    if (exists("k.npy")) CHECK(get_floats("k.npy", x, 100) && x[99] == 100);
  }
  snprintf(command, sizeof command, "rm -f '%s'/*.npy.*", folder);
  CHECK(system(command) == 0);
}

int main(void) {
  ssize_t n = readlink("/proc/self/exe", tilec, sizeof tilec - 16);
  if (n <= 0) return 1;
  tilec[n] = 0;
  for (int up = 0; up < 3; up++)
    *strrchr(tilec, '/') = 0;
  memcpy(tilec + strlen(tilec), "/tilec", 7);
  snprintf(folder, sizeof folder, "%s/tilec-cli-XXXXXX", test_folder());
  CHECK(mkdtemp(folder) != NULL);
  setenv("TILEC_CACHE_DIR", "kcache", 1);
  put_text("add.py", ADD);
  put_text("scale.py", SCALE);
  put_text("asks.py", ASKS);
  put_text("pairs.py", PAIRS);
  put_floats("a.npy", 100);
  put_floats("short.npy", 99);
  command_line();
  shows();
  runs();
  peers();
  no_gpu();
  bad_arguments();
  bad_files();
  bad_outputs();
  checked_code();
  deep_check();
  bad_memory();
  bad_environment();
  cache();
  killed();
  char command[400];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  CHECK(system(command) == 0);
  return check_report();
}
