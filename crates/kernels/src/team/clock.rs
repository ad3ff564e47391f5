//! The clock, for decisions and reports that change no result.

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use std::time::Instant;

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub use still::Instant;

/// A clock that stands still. `wasm32-unknown-unknown` has none, and std's panics there.
#[cfg(any(test, all(target_family = "wasm", target_os = "unknown")))]
#[allow(unreachable_pub, reason = "the tests of other targets have it, too")]
mod still {
    use std::ops::{Add, Sub};
    use std::time::Duration;

    /// A moment: the only one. It has the methods of std's type that are used here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct Instant;

    impl Instant {
        /// This moment.
        pub fn now() -> Instant {
            Instant
        }

        /// No time at all.
        pub fn elapsed(&self) -> Duration {
            Duration::ZERO
        }

        /// No time at all.
        pub fn saturating_duration_since(&self, _: Instant) -> Duration {
            Duration::ZERO
        }

        /// The same moment.
        pub fn checked_add(&self, _: Duration) -> Option<Instant> {
            Some(Instant)
        }
    }

    impl Add<Duration> for Instant {
        type Output = Instant;

        fn add(self, _: Duration) -> Instant {
            Instant
        }
    }

    impl Sub for Instant {
        type Output = Duration;

        fn sub(self, _: Instant) -> Duration {
            Duration::ZERO
        }
    }

    #[cfg(test)]
    #[test]
    fn time_stands_still() {
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        assert_eq!([began.elapsed(), Instant::now() - began], [Duration::ZERO; 2]);
        assert_eq!(Instant::now().saturating_duration_since(began), Duration::ZERO);
        assert_eq!([Some(began + second), began.checked_add(second)], [Some(began); 2]);
    }
}
