/* Calls a product of matrices again and again: from Python, the call would take as long as a small product. Compiled by
   gemm_peer.py into a shared library. Also the rate at which the processor's units multiply and add. */
#include <stdint.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Runs CALL in growing batches until `limit` seconds are over; the number of calls, and the seconds in `seconds`. */
#define REPEAT(CALL)                                   \
    int64_t calls = 0, batch = 1;                      \
    double began = now(), elapsed = 0.0;               \
    do {                                               \
        for (int64_t i = 0; i < batch; i++) {          \
            CALL;                                      \
        }                                              \
        calls += batch;                                \
        elapsed = now() - began;                       \
        if (elapsed < limit / 8) batch *= 2;           \
    } while (elapsed < limit);                         \
    *seconds = elapsed;                                \
    return calls;

typedef void cblas_sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);

/* What is transposed, and how many values apart rows are. */
typedef struct {
    int32_t update, backward;
    int64_t a_row, b_row, c_row;
} layout;

int64_t repeat_cblas(cblas_sgemm *gemm, const layout *l, int m, int n, int k, const float *a, const float *b, float *c, double limit, double *seconds) {
    /* 101 row-major, 111 as stored, 112 transposed */
    REPEAT(gemm(101, l->update ? 112 : 111, l->backward ? 112 : 111, m, n, k, 1.0f, a, l->a_row, b, l->b_row, l->update ? 1.0f : 0.0f, c, l->c_row))
}

typedef int dnnl_sgemm(char, char, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t, float, float *, int64_t);

int64_t repeat_dnnl(dnnl_sgemm *gemm, const layout *l, int64_t m, int64_t n, int64_t k, const float *a, const float *b, float *c, double limit, double *seconds) {
    REPEAT(gemm(l->update ? 'T' : 'N', l->backward ? 'T' : 'N', m, n, k, 1.0f, a, l->a_row, b, l->b_row, l->update ? 1.0f : 0.0f, c, l->c_row))
}

typedef int dnnl_execute(const void *, void *, int, const void *);

int64_t repeat_primitive(dnnl_execute *execute, const void *primitive, void *stream, int count, const void *arguments, double limit, double *seconds) {
    REPEAT(execute(primitive, stream, count, arguments))
}

/* GFLOP/s of one thread on chains of fused multiply-adds that stay in registers: 12 of them, more than the units' latency
   needs. `-ffp-contract=fast`, the compiler's default, fuses them. The compiler must not know the factors: it would see that
   the chain that begins with 1 stays there, and leave it out. */
#define PEAK(NAME, LANES)                                                            \
    double NAME(double limit) {                                                      \
        typedef float vector __attribute__((vector_size(4 * LANES)));                \
        vector x[12], f = {0}, g = {0};                                              \
        f += 0.999f;                                                                 \
        g += 1e-3f;                                                                  \
        __asm__ volatile("" : "+v"(f), "+v"(g));                                     \
        for (int i = 0; i < 12; i++) x[i] = f + (float)i * g;                              \
        double best = 0.0, end = now() + limit;                                      \
        while (now() < end) {                                                        \
            double began = now();                                                    \
            for (int repeat = 0; repeat < 20000; repeat++) {                         \
                _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) x[i] = x[i] * f + g; \
                __asm__ volatile("" : : "v"(x[0]), "v"(x[1]), "v"(x[2]));            \
            }                                                                        \
            double rate = 2.0 * LANES * 12 * 20000 / (now() - began) * 1e-9;         \
            if (rate > best) best = rate;                                            \
        }                                                                            \
        vector sum = x[0];                                                           \
        for (int i = 1; i < 12; i++) sum += x[i];                                    \
        return sum[0] > 1e30f ? 0.0 : best;                                          \
    }

#ifdef __AVX512F__
PEAK(peak_16_lanes, 16)
#endif
#ifdef __AVX2__
PEAK(peak_8_lanes, 8)
#endif
