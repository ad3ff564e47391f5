#![no_main]

use fuzz_targets::checkpoint_file;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz_targets::checkpoint(bytes);
});

// A changed file gets its lengths and checksums repaired. Without that, no change would be seen behind them.
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    checkpoint_file::mutate(data, size, most, seed, libfuzzer_sys::fuzzer_mutate)
});
