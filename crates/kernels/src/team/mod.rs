//! The thread team: members that compute together, and what one of them needs to compute alone.
//!
//! [`phase`] has the protocol. A [`Pool`] owns the threads and opens sessions. In a session the driver shares out
//! [phases](Team), hands whole programs to its members ([`Exchange`]), or lets each work for itself ([`Solo`]). [`contention`] says
//! whether other processes leave the workers their cores, [`split`] which part of a matrix is whose.

mod clock;
mod contention;
mod exchange;
mod phase;
mod pool;
mod scratch;
mod solo;
mod split;
mod sync;
mod workers;

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;

pub use clock::Instant;
pub use exchange::{Exchange, Member};
pub(crate) use phase::Pointer;
pub use phase::Team;
pub use pool::{Pool, PoolError};
pub(crate) use scratch::{Buffer, Scratch};
pub use solo::Solo;
pub(crate) use split::{Split, columns_of, members_of_pass, volume};
