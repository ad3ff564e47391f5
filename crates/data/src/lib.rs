//! IDX datasets, memory-mapped, and the seeded shuffle that draws minibatches from them.
