/* The verifier: every rule broken at least once, by text where text can say it and by hand where
 * the reader would refuse; valid functions pass; what the builder can make never crashes it. */
#include "text_kit.h"

#include "ir/build.h"

static const tc_span nowhere = {0};

static const char HEAD[] = "func @f {\n"
                           "  dim %n: int32\n"
                           "  scalar %c: bool\n"
                           "  param A: global float32[%n, 64]\n"
                           "  param V: global float32[64]\n"
                           "  param I: global int32[64]\n"
                           "  param S: global int32[]\n"
                           "  param M: barrier uint64[4]\n";

#define KERNEL "kernel @k (_ < 4) threads(%t < 256) {\n"

/* ---- rules that text can break ---- */

static const struct {
  const char *state, *lines;
  enum tc_rule rule;
} BROKEN[] = {
    {"tile", "ring R () depth 1", TC_RULE_states},
    {"tile", "lockstep 4", TC_RULE_states},
    {"surface", "lockstep 4", TC_RULE_states},
    {"lane", "copy V[*] -> V[*]", TC_RULE_states},
    {"lane", "parallel (%i < 4) {\n}", TC_RULE_states},
    {"placed", "break", TC_RULE_jumps},
    {"tile", "for %i = 0 to 4 {\nperthread first 0 count 4 {\nbreak\n}\n}", TC_RULE_jumps},

    {"surface", "if %n {\n}", TC_RULE_operands},
    {"surface", "assume %n", TC_RULE_operands},
    {"surface", "assert 1, \"\"", TC_RULE_operands},
    {"surface", "store V[0] = 1", TC_RULE_operands},
    {"surface", "store V[1.0] = 1.0", TC_RULE_operands},
    {"surface", "%1: int32 = load V[0]\neval %1", TC_RULE_operands},
    {"surface", "%1 = load V[0] if %n", TC_RULE_operands},
    {"surface", "%1 = load V[0] else 1", TC_RULE_operands},
    {"surface", "%1 = load V[ramp(0, 1, 4)]", TC_RULE_operands},
    {"surface", "%1: float32x4 = load A[ramp(0, 1, 4), ramp(0, 1, 2)]", TC_RULE_operands},
    {"surface", "atomic add V[0], 1", TC_RULE_operands},
    {"surface", "%1: int32 = atomic add V[0], 1.0", TC_RULE_operands},
    {"surface", "atomic cas V[0], 1.0 expect 2", TC_RULE_operands},
    {"surface", "wait eq I[0], 1.0", TC_RULE_operands},
    {"surface", "%1 = collective sum 1 lane 2", TC_RULE_operands},
    {"surface", "%1 = collective shfl_up 1", TC_RULE_operands},
    {"surface", "%1 = collective shfl_up 1 lane 1.0", TC_RULE_operands},
    {"surface", "%1 = collective sum 1 mask %c", TC_RULE_operands},
    {"surface", "%1 = collective any 1", TC_RULE_operands},
    {"surface", "%1 = collective sum %c", TC_RULE_operands},
    {"surface", "%1 = collective bitand 1.0", TC_RULE_operands},
    {"surface", "%1 = collective sum broadcast(1, 2)", TC_RULE_operands},
    {"surface", "%1: int32 = collective sum 1.0", TC_RULE_operands},
    {"surface", "mbarrier init M[0]", TC_RULE_operands},
    {"surface", "mbarrier arrive M[0], 1, 2", TC_RULE_operands},
    {"surface", "mbarrier async_arrive M[0], 1", TC_RULE_operands},
    {"surface", "mbarrier wait M[0], %c", TC_RULE_operands},
    {"surface", "mbarrier wait M[0.0], 1", TC_RULE_operands},
    {"surface", "for %i = 0:int64 to 4 {\n}", TC_RULE_operands},
    {"surface", "for %i = 0 to 4 step 1:int64 {\n}", TC_RULE_operands},
    {"surface", "for %i: int32x2 = 0 to 4 {\n}", TC_RULE_operands},
    {"surface", "parallel (%i < 4:int64) {\n}", TC_RULE_operands},
    {"surface", "kernel @k (%i < 4.0) {\n}", TC_RULE_operands},
    {"surface", "fill V[*] = 1", TC_RULE_operands},
    {"surface", "gemm V[*], A[*] -> A[*]", TC_RULE_operands},
    {"surface", "gemm A[*], A[*] -> A[*] clear_if %n", TC_RULE_operands},
    {"surface", "transpose V[*] -> A[*]", TC_RULE_operands},
    {"surface", "im2col A[*] -> A[*] at 1.0, 0 kernel 1 stride 1 dilation 1 pad 0",
     TC_RULE_operands},
    {"surface", "while {\nyield %n\n} do {\n}", TC_RULE_operands},

    {"surface", "kernel @k () {\n}", TC_RULE_payloads},
    {"surface", "kernel @k (%i < 4) threads(0) {\n}", TC_RULE_payloads},
    {"surface", "kernel @k (%i < 4) cluster(-1) {\n}", TC_RULE_payloads},
    {"surface", "group first -1 count 4 {\n}", TC_RULE_payloads},
    {"surface", "perthread first 0 count 0 {\n}", TC_RULE_payloads},
    {"surface", "reduce sum A[*] -> V[*] dim 2", TC_RULE_payloads},
    {"surface", "scan sum A[*] -> A[*] dim 2", TC_RULE_payloads},
    {"surface", "scan min A[*] -> A[*] dim 0", TC_RULE_payloads},
    {"surface", "im2col A[*] -> A[*] at 0, 0 kernel 1 stride 0 dilation 1 pad 0", TC_RULE_payloads},
    {"surface", "wait eq I[0], 1 deadline_ns -1", TC_RULE_payloads},
    {"surface", "%1 = collective sum 1 width 3", TC_RULE_payloads},
    {"surface", "%1 = collective sum 1 width 64", TC_RULE_payloads},
    {"surface", "%1 = collective sum 1 width 0", TC_RULE_payloads},
    {"surface", "%1 = collective sum 1 device", TC_RULE_payloads},
    {"surface", "%1 = collective sum 1 block", TC_RULE_payloads},
    {"surface", "%1 = collective any %c mask 3 block", TC_RULE_payloads},
    {"surface", "async_commit cp pending 1", TC_RULE_payloads},
    {"surface", "async_commit cp read", TC_RULE_payloads},
    {"surface", "barrier id 16 count 64", TC_RULE_payloads},
    {"surface", "barrier id -2", TC_RULE_payloads},
    {"surface", "barrier id 1 count -1", TC_RULE_payloads},
    {"surface", "barrier id 1 count 2048", TC_RULE_payloads},
    {"surface", "barrier arrive", TC_RULE_payloads},
    {"surface", "barrier count 32", TC_RULE_payloads},
    {"surface", "barrier id 1 device", TC_RULE_payloads},
    {"surface", "copy V[*] -> V[*] signal M[0 :+ 1]", TC_RULE_payloads},

    {"surface", "alloc x: var float32[4]", TC_RULE_buffers},
    {"surface", "alloc x: shared float32[1.0]", TC_RULE_buffers},
    {"surface", "alloc x: shared float32[4] strides [%c]", TC_RULE_buffers},

    {"surface", "mbarrier arrive I[0]", TC_RULE_barriers},
    {"surface", "copy V[*] -> V[*] signal V[0 :+ 1] async", TC_RULE_barriers},
    {"surface", "copy V[*] -> V[*] signal M[0 :+ 2] async", TC_RULE_barriers},
    {"surface", "copy M[*] -> M[*]", TC_RULE_barriers},
    {"surface", "fill M[*] = 0:uint64", TC_RULE_barriers},
    {"surface", "%1 = load M[0]", TC_RULE_barriers},
    {"surface", "store M[0] = 0:uint64", TC_RULE_barriers},
    {"surface", "atomic add M[0], 0:uint64", TC_RULE_barriers},
    {"surface", "wait eq M[0], 0:uint64", TC_RULE_barriers},

    {"surface", "kernel @k (_ < 4) threads(64) {\ngroup first 32 count 64 {\n}\n}",
     TC_RULE_threads},
    {"surface", "kernel @k (_ < 4) threads(8, 4) {\nperthread first 0 count 33 {\n}\n}",
     TC_RULE_threads},
    {"surface", "group first 32 count 64 {\ngroup first 0 count 64 {\n}\n}", TC_RULE_threads},
    {"surface", "group first 32 count 64 {\nperthread first 64 count 33 {\n}\n}", TC_RULE_threads},
    {"surface", "perthread first 0 count 4 {\nperthread first 0 count 4 {\n}\n}", TC_RULE_threads},
    {"surface", "perthread first 0 count 4 {\ngroup first 0 count 4 {\n}\n}", TC_RULE_threads},
    {"tile", "parallel (%i < 4) {\ngroup first 0 count 4 {\n}\n}", TC_RULE_threads},
    {"tile", "parallel (%i < 4) {\nbarrier\n}", TC_RULE_threads},
    {"tile", "kernel @k (_ < 4) threads(%t < 64) {\neval %t + 1\n}", TC_RULE_threads},
    {"tile",
     "kernel @k (_ < 4) threads(%t < 64, %u < 2) {\nperthread %t first 0 count 64 {\n"
     "eval %t * %u\n}\n}",
     TC_RULE_threads},
    {"tile", "kernel @k (_ < 4) threads(64) {\n%1 = collective sum 1\n}", TC_RULE_threads},

    {"surface", "perthread %t first 0 count 4 {\n}\nfor %i = 0 to %n {\n%1 = %i + 1\n}\neval %1",
     TC_RULE_scopes},
    {"surface", "if %c {\n%1 = load V[0]\n}\neval %1", TC_RULE_scopes},
    {"surface", "if %c {\n%1 = load V[0]\n} else {\neval %1\n}", TC_RULE_scopes},
    {"surface", "while {\n%1 = load V[0]\nyield %1 < 1.0\n} do {\neval %1\n}", TC_RULE_scopes},
    {"surface", "if %c {\n%1 = load I[0]\n}\nalloc x: shared int32[%1]", TC_RULE_scopes},

    {"surface", "buffer x: shared float32[4]\nstore x[0] = 1.0", TC_RULE_storage},
    {"surface", "buffer x: shared float32[4]\nstore x[0] = 1.0\nalloc x", TC_RULE_storage},
    {"surface", "alloc x: shared float32[4]\nalloc x", TC_RULE_storage},
    {"surface", "if %c {\nalloc x: shared float32[4]\n}\nfill x[*] = 1.0", TC_RULE_storage},
    {"surface", "if %c {\nalloc x: shared float32[4]\n}\nprint \"\" buffer x", TC_RULE_storage},
    {"surface", "if %c {\nalloc x: shared float32[4]\n}\nreturn x", TC_RULE_storage},
    {"surface", "alloc A", TC_RULE_storage},
    {"surface", "buffer x: global float32[4] of A\nalloc x", TC_RULE_storage},
    {"surface",
     "if %c {\nalloc x: shared int8[4]\n}\nbuffer y: shared int8[2] of x\nfill y[*] = 0:int8",
     TC_RULE_storage},
    {"scheduled", "if %c {\nring R () depth 2\n}\nring_wait R", TC_RULE_storage},

    {"surface", "eval A[*]", TC_RULE_slices},
    {"surface", "print \"\", A[*]", TC_RULE_slices},
    {"surface", "copy A[*] -> 1.0", TC_RULE_slices},
    {"surface", "fill 1.0 = 1.0", TC_RULE_slices},
    {"surface", "gemm A[*], A[*] -> %n", TC_RULE_slices},
    {"surface", "copy A[*] -> A[*] safe A[*]", TC_RULE_slices},
    {"surface", "if A[*] {\n}", TC_RULE_slices},

    {"surface", "break", TC_RULE_jumps},
    {"surface", "if %c {\ncontinue\n}", TC_RULE_jumps},
    {"surface", "for %i = 0 to 4 {\nparallel (%j < 4) {\nbreak\n}\n}", TC_RULE_jumps},
    {"surface", "while {\nbreak\nyield %c\n} do {\n}", TC_RULE_jumps},
    {"surface", "parallel (%j < 4) {\ncontinue\n}", TC_RULE_jumps},

    {"surface", "yield %c", TC_RULE_yields},
    {"surface", "while {\n} do {\n}", TC_RULE_yields},
    {"surface", "while {\neval 1\n} do {\n}", TC_RULE_yields},
    {"surface", "while {\nyield %c\neval 1\nyield %c\n} do {\n}", TC_RULE_yields},
    {"surface", "while {\nif %c {\nyield %c\n}\nyield %c\n} do {\n}", TC_RULE_yields},
    {"surface", "while {\nyield %c\n} do {\nyield %c\n}", TC_RULE_yields},

    {"surface", "if %c {\nkernel @k (%i < 4) {\n}\n}", TC_RULE_kernels},
    {"surface", "kernel @k (%i < 4) {\nkernel @k (%j < 4) {\n}\n}", TC_RULE_kernels},

    {"tile", "parallel (%i < 4) {\nparallel (%j < 4) {\n}\n}", TC_RULE_parallels},
    {"tile", "parallel (%i < 4) {\nfor %k = 0 to 3 {\nparallel (%j < 4) {\n}\n}\n}",
     TC_RULE_parallels},

    {"surface", "for %i = 0 to 4 step 0 {\n}", TC_RULE_steps},
    {"surface", "for %i = 0 to 4 step %n {\n}", TC_RULE_steps},

    {"placed", "alloc s: shared float32[4]", TC_RULE_placed},
    {"placed", "alloc s: shared float32[4] at 0", TC_RULE_placed},
    {"placed", "alloc s: shared float32[4] layout \"x\"", TC_RULE_placed},
    {"placed", "alloc f: fragment float32[4]", TC_RULE_placed},
    {"placed", "alloc b: barrier uint64[4]", TC_RULE_placed},
    {"placed", "parallel (%i < 4) {\n}", TC_RULE_placed},
    {"placed", "ring R () depth 1", TC_RULE_states},
    {"tile", "copy V[*] -> V[*] async expected", TC_RULE_payloads},
    {"tile", "%1 = load V[0]", TC_RULE_guards},
    {"tile", "store V[0] = 1.0 if %c", TC_RULE_guards},
    {"placed", "atomic add V[0], 1.0", TC_RULE_guards},
    {"lane", "%1 = load V[0]", TC_RULE_guards},

    {"lane", KERNEL "if %t % 2 == 0 {\nprim sync_warp()\n}\n}", TC_RULE_converged},
    {"lane", KERNEL "if %t < 48 {\nprim sync_warp()\n}\n}", TC_RULE_converged},
    {"lane", KERNEL "if %c & (%t < 64) {\nprim wgmma_fence()\n}\n}", TC_RULE_converged},
    {"lane", KERNEL "if 64 <= %t {\n} else {\nprim wgmma_commit()\n}\n}", TC_RULE_converged},
    {"lane", KERNEL "if %t < 128 {\nprim sync_block()\n}\n}", TC_RULE_converged},
    {"lane", KERNEL "if %t / 4 == 3 {\n%1 = prim ballot(%c)\n}\n}", TC_RULE_converged},
    {"lane", KERNEL "prim sync_named(16, 64)\n}", TC_RULE_payloads},
    {"lane", KERNEL "prim sync_named(1, 40)\n}", TC_RULE_payloads},
    {"lane", KERNEL "prim arrive_named(1, 0)\n}", TC_RULE_payloads},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
            "float16[64]\nprim mma_f16(w[*] inside, w[*] inside, w[0 :+ 2] inside)\n}",
     TC_RULE_registers},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
            "float16[64]\nprim mma_f16(f[*] inside, w[*] inside, w[*] inside)\n}",
     TC_RULE_registers},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
            "float16[64]\nprim ldmatrix(w[*] inside, s[0 :+ 8] inside) n 2\n}",
     TC_RULE_registers},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
            "float16[64]\nprim wgmma_f16(f[*] inside, 1:uint64, 1:uint64, true) n 16\n}",
     TC_RULE_registers},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
            "float16[64]\nprim pin(f[*] inside)\n%1 = load f[%t]\n}",
     TC_RULE_registers},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared float16[64]\nfor "
            "%i = 0 to 2 {\nprim ldmatrix(w[%i * 2 :+ 2] inside, s[0 :+ 8] inside) n 2\n}\n}",
     TC_RULE_registers},
    {"lane",
     KERNEL
     "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared float16[64]\nprim "
     "wgmma_f16(f[*] inside, 1:uint64, 1:uint64, true) n 8\nprim wgmma_commit()\n%1 = load f[0]\n}",
     TC_RULE_flight},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
            "float16[64]\nprim wgmma_f16(f[*] inside, 1:uint64, 1:uint64, true) n 8\nprim "
            "wgmma_commit()\nprim wgmma_wait() n 1\nstore f[0] = 1.0\n}",
     TC_RULE_flight},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
            "float16[64]\nprim wgmma_f16(f[*] inside, 1:uint64, 1:uint64, true) n 8\nprim "
            "wgmma_wait()\nprim pin(f[*] inside)\n}",
     TC_RULE_flight},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared float16[64]\nfor "
            "%i = 0 to 2 {\n%1 = load f[0]\nprim wgmma_f16(f[*] inside, 1:uint64, 1:uint64, true) "
            "n 8\nprim wgmma_commit()\n}\n}",
     TC_RULE_flight},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared float16[64]\nif "
            "%c {\nprim wgmma_f16(f[*] inside, 1:uint64, 1:uint64, true) n 8\nprim "
            "wgmma_commit()\n}\n%1 = load f[0]\n}",
     TC_RULE_flight},
    {"placed",
     KERNEL
     "alloc s: shared float16[64, 64] layout \"layout(offset:[64(0,1), 64(1,0)] -> [64, 64])\" at "
     "0\nalloc C: fragment float32[64, 64] layout \"layout(thread:[64(0,1)], slot:[64(1,0)] -> "
     "[64, 64])\"\ngemm s[*], s[*] -> C[*] wgmma async\nasync_commit mma\nfill C[*] = 0.0\n}",
     TC_RULE_flight},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared float16[64]\n%1: "
            "float16x4 = load s[ramp(2, 1, 4)]\n}",
     TC_RULE_vectors},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared float16[64]\n%1: "
            "float16x4 = load s[ramp(%t * 8 + 6, 1, 4)]\n}",
     TC_RULE_vectors},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
            "float16[64]\nstore s[ramp(%t * 4 + 1, 1, 2)] = broadcast(0.0:float16, 2)\n}",
     TC_RULE_vectors},
};

/* Valid, each close to one of the above. */
static const struct {
  const char *state, *lines;
} VALID[] = {
    {"tile", "kernel @k (_ < 4) threads(%t < 64, %u < 2) {\nperthread %t first 0 count 128 {\n"
             "%1 = collective shfl_up 1.5 lane %t mask 15:uint64 width 4\n"
             "%2 = collective count %1 < 1.0 block\n"
             "%3 = collective match_all %2\n"
             "if %3 == 3:uint32 {\nbarrier warp\nbarrier\n}\n}\n}"},
    {"surface", "kernel @k (_ < 4) threads(%t < 64) {\n%1 = collective max %t + 1\n}"},
    {"tile", "kernel @k (_ < 4) threads(64) {\nmbarrier init M[0], 64\n"
             "group first 32 count 32 {\ncopy V[*] -> V[*] safe 1.0 signal M[0 :+ 1] async\n"
             "copy V[*] -> V[*] async bulk\nasync_commit bulk\n"
             "mbarrier arrive M[0]\nmbarrier arrive M[0], 2\nmbarrier wait M[0], 1:int64\n"
             "barrier id 15 count 64 arrive\nbarrier id 0\nasync_wait bulk pending 1 read\n"
             "group first 63 count 1 {\n}\n}\n}"},
    {"surface", "parallel (%i < 4) {\nparallel (%j < 4) {\n}\n}"},
    {"tile", "parallel (%i < 4) {\n}\nparallel (%j < 4) {\n}"},
    {"tile", "%1 = load V[0] guarded\n%2 = load V[0] in_bounds\n%3 = load S[]"},
    {"surface", "%1 = load V[0]"},
    {"surface", "for %i = 0 to 4 {\nif %c {\nbreak\n}\n}"},
    {"surface", "while {\n%1 = load I[0]\nyield %1 < 3\n} do {\ncontinue\n}"},
    {"surface", "%1: float32x4 = load V[ramp(0, 1, 4)] if %c\nstore V[ramp(0, 1, 4)] = %1"},
    {"surface", "%1 = load I[0]\nalloc x: shared int32[%1]\nstore x[%1] = %1"},
    {"surface", "%1 = load I[0]\nbuffer x: global int32[4] address int64(%1)\nfill x[*] = 1"},
    {"surface", "buffer x: global float32[8, 8] of V\nfill x[*] = 1.0\nreturn V, x"},
    {"scheduled",
     "buffer x: shared float32[2, 4]\nring R (x) depth 2\nring_wait R\nfill x[*] = 0.0"},
    {"surface", "kernel @k (%i < 4) threads(%t < 32) {\nperthread %t first 0 count 32 {\n"
                "eval %t\n}\neval %t\n}\nkernel @k (%i < 4) {\n}"},
    {"surface", "gemm A[*], A[*] -> A[*] clear_if %c"},
    {"surface", "scan max A[*] -> A[*] dim 1"},
    {"surface", "alloc v: var int64\nstore v[] = 1:int64"},
    {"lane", "atomic xor I[0], 1 in_bounds"},
    {"lane", KERNEL "if %t < 64 {\nprim sync_warp()\nif %c {\nprim sync_named(15, 64)\n}\n}\n}"},
    {"lane", KERNEL "if %t / 32 == 3 {\n%1 = prim ballot(%c)\n}\n}"},
    {"lane", KERNEL
     "if 128 <= %t {\nprim wgmma_fence()\n} else {\nprim wgmma_fence()\n}\nprim sync_block()\n}"},
    {"lane", KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
                    "float16[64]\nprim ldmatrix(w[*] inside, s[%t * 8 :+ 8] inside) n 4\nprim "
                    "mma_f16(f[*] inside, w[*] inside, w[2 :+ 2] inside)\n}"},
    {"lane",
     KERNEL "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared "
            "float16[64]\nprim wgmma_f16(f[*] inside, 1:uint64, 1:uint64, true) n 8\nprim "
            "wgmma_f16(f[*] inside, 1:uint64, 1:uint64, true) n 8\nprim wgmma_commit()\nprim "
            "wgmma_commit()\nprim wgmma_wait() n 1\nprim pin(f[*] inside)\n%1 = load f[0]\n}"},
    {"lane", KERNEL
     "alloc w: local uint32[4]\nalloc f: local float32[4]\nalloc s: shared float16[64]\nalloc g: "
     "local float32[8]\n%1 = load g[%t]\n%2: float16x4 = load s[ramp(%t * 4 + 8, 1, 4)]\n}"},
    {"placed", KERNEL "alloc s: shared float16[64, 64] layout \"layout(offset:[64(0,1), 64(1,0)] "
                      "-> [64, 64])\" at 0\nalloc C: fragment float32[64, 64] layout "
                      "\"layout(thread:[64(0,1)], slot:[64(1,0)] -> [64, 64])\"\ngemm s[*], s[*] "
                      "-> C[*] wgmma async\nasync_commit mma\nasync_wait mma\nfill C[*] = 0.0\n}"},
};

static void bad_text(struct text_kit *k) {
  for (size_t i = 0; i < TC_COUNT(BROKEN); i++) {
    const char *text =
        tc_format(&k->arena, "tir 1 %s\n%s%s\n}\n", BROKEN[i].state, HEAD, BROKEN[i].lines);
    tc_problem problem = {0};
    tc_ir *ir = text_must_parse(k, text);
    bool valid = tc_verify_find(ir, ir->state, &problem);
    bool right = !valid && problem.rule == BROKEN[i].rule;
    if (!text_check(k, right, BROKEN[i].lines))
      printf("expected %s, saw %s\n", tc_rule_name(BROKEN[i].rule), valid ? "no" : problem.text);
    if (valid) continue;
    text_check(k, !tc_verify_report(ir) && k->diags->all.n == 1, "the problem is reported");
    bool placed =
        problem.stmt.id || strstr(BROKEN[i].lines, "return") || BROKEN[i].rule == TC_RULE_buffers;
    text_check(k, placed, tc_format(&k->arena, "no place: %s", problem.text));
    text_print(k, ir); /* prints, whatever is wrong */
  }
}

static void good_text(struct text_kit *k) {
  for (size_t i = 0; i < TC_COUNT(VALID); i++) {
    const char *text =
        tc_format(&k->arena, "tir 1 %s\n%s%s\n}\n", VALID[i].state, HEAD, VALID[i].lines);
    tc_ir *ir = text_must_parse(k, text);
    const char *problem = tc_verify(ir, ir->state);
    if (!text_check(k, !problem, VALID[i].lines)) printf("%s\n", problem);
    text_round_trip(k, VALID[i].lines, ir);
  }
}

/* ---- rules that only a pass can break ---- */

/* A function to damage: two loops with a load, an add, a store and an alloc. */
static const char VICTIM[] = "tir 1 tile\n"
                             "func @f {\n"
                             "  dim %n: int32\n"
                             "  param A: global float32[%n]\n"
                             "  kernel @k (%b < %n) {\n"
                             "    alloc s: shared float32[4]\n"
                             "    for %i = 0 to 4 {\n"
                             "      %1 = load A[%i] guarded\n"
                             "      store s[%i] = %1 + 1.0\n"
                             "    }\n"
                             "    for %j = 0 to 4 {\n"
                             "      eval %j * 3\n"
                             "    }\n"
                             "    hint l2 \"all\"\n"
                             "    print \"end\"\n"
                             "  }\n"
                             "}\n";

struct victim {
  tc_ir *ir;
  tc_block *kernel, *first, *second; /* the kernel's statements and those of its loops */
};

static tc_value stmt(const tc_block *block, uint32_t i) {
  return block->ops.at[i];
}

static tc_op *op_of(const struct victim *x, tc_value v) {
  return tc_op_at(x->ir, v);
}

static tc_block *child_of(const struct victim *x, tc_value v) {
  return tc_block_at(x->ir, tc_child(x->ir, op_of(x, v), 0));
}

static tc_value input_of(const struct victim *x, tc_value v, uint32_t k) {
  return tc_input(x->ir, op_of(x, v), k);
}

typedef void damage(struct victim *x);

static void no_such_input(struct victim *x) {
  tc_inputs_of(x->ir, op_of(x, stmt(x->first, 1)))[0].id = x->ir->n_ops + 7;
}
static void zero_input(struct victim *x) {
  tc_inputs_of(x->ir, op_of(x, stmt(x->second, 0)))[0].id = 0;
}
static void inputs_beyond_the_list(struct victim *x) {
  op_of(x, stmt(x->first, 1))->in = x->ir->inputs.n;
}
static void no_such_opcode(struct victim *x) {
  op_of(x, stmt(x->first, 1))->opcode = TC_OP_COUNT;
}
static void a_value_as_statement(struct victim *x) {
  x->second->ops.at[0] = input_of(x, stmt(x->second, 0), 0);
}
static void no_such_statement(struct victim *x) {
  x->second->ops.at[0].id = 1u << 30;
}
static void a_statement_twice(struct victim *x) {
  tc_vec_push(x->ir->arena, &x->second->ops, stmt(x->second, 0));
}
static void a_region_twice(struct victim *x) {
  x->ir->child_regions.at[op_of(x, stmt(x->kernel, 2))->regions] =
      tc_child(x->ir, op_of(x, stmt(x->kernel, 1)), 0);
}
static void a_region_inside_itself(struct victim *x) {
  x->ir->child_regions.at[op_of(x, stmt(x->kernel, 2))->regions] =
      tc_child(x->ir, op_of(x, stmt(tc_block_at(x->ir, x->ir->body), 0)), 0);
}
static void no_such_region(struct victim *x) {
  x->ir->child_regions.at[op_of(x, stmt(x->kernel, 2))->regions].id = x->ir->blocks.n;
}
static void no_such_buffer(struct victim *x) {
  tc_access_of(x->ir, stmt(x->first, 0))->buf.id = x->ir->bufs.n;
}
static void no_buffer(struct victim *x) {
  tc_access_of(x->ir, stmt(x->first, 1))->buf.id = 0;
}
static void no_such_payload(struct victim *x) {
  op_of(x, stmt(x->kernel, 1))->payload = x->ir->loops.n;
}
static void no_such_text(struct victim *x) {
  tc_print_of(x->ir, stmt(x->kernel, 4))->text = 99;
}
static void no_such_constant(struct victim *x) {
  op_of(x, input_of(x, stmt(x->kernel, 2), 1))->payload = x->ir->imms.n;
}
static void no_such_variable(struct victim *x) {
  tc_loop_of(x->ir, stmt(x->kernel, 1))->var.id = x->ir->vars.n;
}
static void younger_operand(struct victim *x) {
  tc_value v = input_of(x, stmt(x->second, 0), 0);
  tc_inputs_of(x->ir, op_of(x, v))[0] = v;
}

static void wrong_count(struct victim *x) {
  op_of(x, stmt(x->second, 0))->n_in = 0;
}
static void wrong_pure_type(struct victim *x) {
  op_of(x, input_of(x, stmt(x->second, 0), 0))->type.dtype = TC_DT_int64;
}
static void wrong_pure_operands(struct victim *x) {
  tc_value v = input_of(x, stmt(x->second, 0), 0);
  tc_inputs_of(x->ir, op_of(x, v))[1] = tc_const_int(x->ir, tc_scalar_type(TC_DT_int64), 1);
  tc_inputs_of(x->ir, op_of(x, v))[1] = (tc_value){1}; /* the oldest value */
  op_of(x, v)->opcode = TC_OP_div;
}
static void a_result_for_nothing(struct victim *x) {
  op_of(x, stmt(x->kernel, 3))->type = tc_scalar_type(TC_DT_int32);
}
static void pred_without_input(struct victim *x) {
  tc_access_of(x->ir, stmt(x->first, 0))->flags |= TC_ACCESS_PRED;
}
static void no_such_word(struct victim *x) {
  tc_loop_of(x->ir, stmt(x->kernel, 1))->kind = 77;
}
static void else_of_a_store(struct victim *x) {
  tc_access_of(x->ir, stmt(x->first, 1))->flags |= TC_ACCESS_ELSE;
}
static void no_loop_variable(struct victim *x) {
  tc_loop_of(x->ir, stmt(x->kernel, 1))->var.id = 0;
}
static void one_variable_two_loops(struct victim *x) {
  tc_loop_of(x->ir, stmt(x->kernel, 2))->var = tc_loop_of(x->ir, stmt(x->kernel, 1))->var;
}
static void a_dimension_as_loop_variable(struct victim *x) {
  tc_loop_of(x->ir, stmt(x->kernel, 2))->var.id = 1;
}
static void scalar_parameter_of_no_scalar(struct victim *x) {
  tc_vec_push(x->ir->arena, &x->ir->params, ((tc_param){TC_PARAM_SCALAR, {0}, {1}}));
}
static void variable_out_of_its_loop(struct victim *x) {
  tc_value v = tc_var_value(x->ir, tc_loop_of(x->ir, stmt(x->kernel, 1))->var);
  tc_set_inputs(x->ir, stmt(x->second, 0), &v, 1);
}
static void removed_load(struct victim *x) {
  x->first->ops.at[0] = x->first->ops.at[1];
  x->first->ops.n = 1;
}
static void use_before_definition(struct victim *x) {
  tc_value load = stmt(x->first, 0);
  x->first->ops.at[0] = x->first->ops.at[1];
  x->first->ops.at[1] = load;
}
static void removed_alloc(struct victim *x) {
  x->kernel->ops.at[0] =
      tc_stmt(x->ir, (tc_region){0}, TC_OP_break, tc_scalar_type(TC_DT_void), NULL, 0, 0, nowhere);
  op_of(x, x->kernel->ops.at[0])->opcode = TC_OP_barrier;
  op_of(x, x->kernel->ops.at[0])->payload = tc_pl_barrier(x->ir, (tc_barrier){.id = -1});
}
static void rank_without_shape(struct victim *x) {
  tc_buf_at(x->ir, (tc_buf){2})->shape = NULL;
}
static void huge_rank(struct victim *x) {
  tc_buf_at(x->ir, (tc_buf){2})->rank = 1000;
}
static void no_root(struct victim *x) {
  tc_buf_at(x->ir, (tc_buf){2})->root.id = 0;
}
static void no_element_type(struct victim *x) {
  tc_buf_at(x->ir, (tc_buf){2})->elem.dtype = 0;
}
static void no_such_scope(struct victim *x) {
  tc_buf_at(x->ir, (tc_buf){2})->scope = (enum tc_scope)TC_SCOPE_COUNT;
}
static void unmarked_parameter(struct victim *x) {
  tc_buf_at(x->ir, (tc_buf){1})->flags = 0;
}
static void view_of_a_view(struct victim *x) {
  tc_value four = tc_i32(x->ir, 4);
  tc_type f32 = tc_scalar_type(TC_DT_float32);
  tc_buf a = tc_buf_view(x->ir, "a", (tc_buf){2}, f32, 1, &four, nowhere);
  tc_buf b = tc_buf_view(x->ir, "b", a, f32, 1, &four, nowhere);
  tc_buf_at(x->ir, b)->root = a;
  tc_access_of(x->ir, stmt(x->first, 1))->buf = b;
}
static void slice_in_a_sum(struct victim *x) {
  tc_value slice = tc_slice_whole(x->ir, (tc_buf){2});
  tc_value sum = tc_unary(x->ir, TC_OP_neg, slice);
  tc_set_inputs(x->ir, stmt(x->second, 0), &sum, 1);
}
static void many_regions(struct victim *x) {
  tc_region at = tc_child(x->ir, op_of(x, stmt(x->kernel, 1)), 0);
  for (int i = 0; i < 200; i++) {
    tc_value v = tc_if(x->ir, at, tc_const_bool(x->ir, true), nowhere);
    at = tc_child(x->ir, op_of(x, v), 0);
  }
}

static const struct {
  damage *fn;
  const char *name;
  enum tc_rule rule;
} DAMAGES[] = {
#define ROW(fn, rule) {fn, #fn, TC_RULE_##rule},
    ROW(no_such_input, handles) ROW(zero_input, handles) ROW(inputs_beyond_the_list, handles) ROW(
        no_such_opcode, handles) ROW(a_value_as_statement, handles) ROW(no_such_statement, handles)
        ROW(a_statement_twice, handles) ROW(a_region_twice, handles) ROW(
            a_region_inside_itself, handles) ROW(no_such_region, handles)
            ROW(no_such_buffer, handles) ROW(no_buffer, handles) ROW(no_such_payload, handles) ROW(
                no_such_text, handles) ROW(no_such_constant, handles) ROW(no_such_variable, handles)
                ROW(younger_operand, handles) ROW(many_regions, nesting) ROW(wrong_count, operands)
                    ROW(wrong_pure_type, operands) ROW(wrong_pure_operands, operands)
                        ROW(a_result_for_nothing, operands) ROW(pred_without_input, operands) ROW(
                            no_such_word, payloads) ROW(else_of_a_store, payloads)
                            ROW(no_loop_variable, binders) ROW(one_variable_two_loops, binders) ROW(
                                a_dimension_as_loop_variable,
                                binders) ROW(scalar_parameter_of_no_scalar, binders)
                                ROW(variable_out_of_its_loop, scopes) ROW(removed_load, scopes)
                                    ROW(use_before_definition, scopes) ROW(removed_alloc, storage)
                                        ROW(rank_without_shape, buffers) ROW(huge_rank, buffers)
                                            ROW(no_root, buffers) ROW(no_element_type, buffers)
                                                ROW(no_such_scope, buffers)
                                                    ROW(unmarked_parameter, buffers)
                                                        ROW(view_of_a_view, buffers)
                                                            ROW(slice_in_a_sum, slices)
#undef ROW
};

static struct victim make_victim(struct text_kit *k) {
  struct victim x = {.ir = text_must_parse(k, VICTIM)};
  x.kernel = child_of(&x, stmt(tc_block_at(x.ir, x.ir->body), 0));
  x.first = child_of(&x, stmt(x.kernel, 1));
  x.second = child_of(&x, stmt(x.kernel, 2));
  return x;
}

static void damaged_functions(struct text_kit *k) {
  struct victim whole = make_victim(k);
  text_check(k, !tc_verify(whole.ir, TC_STATE_tile), "the victim is valid before");
  for (size_t i = 0; i < TC_COUNT(DAMAGES); i++) {
    struct victim x = make_victim(k);
    tc_problem problem = {0};
    DAMAGES[i].fn(&x);
    bool valid = tc_verify_find(x.ir, TC_STATE_tile, &problem);
    if (!text_check(k, !valid && problem.rule == DAMAGES[i].rule, DAMAGES[i].name))
      printf("expected %s, saw %s\n", tc_rule_name(DAMAGES[i].rule), valid ? "no" : problem.text);
  }
}

static void every_rule_is_broken(struct text_kit *k) {
  bool seen[TC_RULE_COUNT] = {0};
  for (size_t i = 0; i < TC_COUNT(BROKEN); i++)
    seen[BROKEN[i].rule] = true;
  for (size_t i = 0; i < TC_COUNT(DAMAGES); i++)
    seen[DAMAGES[i].rule] = true;
  for (int rule = 0; rule < TC_RULE_COUNT; rule++)
    text_check(k, seen[rule], tc_rule_name((enum tc_rule)rule));
}

/* The text names the op and the rule, and the report points at the line. */
static void problems_are_placed(struct text_kit *k) {
  tc_ir *ir = text_must_parse(k, "tir 1 surface\nfunc @f {\n  dim %n: int32\n  if %n {\n  }\n}\n");
  const char *problem = tc_verify(ir, TC_STATE_surface);
  text_equal(k, "text of a problem", problem,
             "if: the condition has type int32, wanted bool (operands)");
  tc_verify_report(ir);
  text_equal(
      k, "report of a problem", text_diags(k),
      "t.tir:4:3: error[E0811]: not valid in state surface: if: the condition has type int32, "
      "wanted bool (operands)\n"
      "    4 |   if %n {\n"
      "      |   ^^^^^\n");
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, bad_text);
  TEXT_CASE(&totals, good_text);
  TEXT_CASE(&totals, damaged_functions);
  TEXT_CASE(&totals, every_rule_is_broken);
  TEXT_CASE(&totals, problems_are_placed);
  return text_report(&totals, "ir_verify");
}
