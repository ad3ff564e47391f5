//! The threads behind a pool: rayon's, or none without the feature `threads`.

#[cfg(feature = "threads")]
pub(super) use threads::{Workers, cores};

#[cfg(not(feature = "threads"))]
pub(super) use nobody::{Workers, cores};

#[cfg(feature = "threads")]
mod threads {
    use std::io;
    use std::thread::available_parallelism;

    /// Threads that wait for work.
    pub(in super::super) struct Workers(rayon::ThreadPool);

    impl Workers {
        /// Starts `number` threads.
        pub(in super::super) fn start(number: usize) -> io::Result<Workers> {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(number);
            let named = builder.thread_name(|i| format!("minibatch-{}", i + 1));
            named.build().map(Workers).map_err(io::Error::other)
        }

        /// Number of threads.
        pub(in super::super) fn number(&self) -> usize {
            self.0.current_num_threads()
        }

        /// Calls every thread to `serve`, which gets the thread's index from 0, and doesn't wait for any.
        pub(in super::super) fn call(&self, serve: impl Fn(usize) + Send + Sync + 'static) {
            self.0.spawn_broadcast(move |worker| serve(worker.index()));
        }
    }

    /// The cores that the machine gives this process.
    pub(in super::super) fn cores() -> usize {
        available_parallelism().map_or(1, usize::from)
    }
}

#[cfg(not(feature = "threads"))]
mod nobody {
    use std::io;

    /// Nobody: there is no value of this type.
    pub(in super::super) enum Workers {}

    impl Workers {
        /// Always an error.
        pub(in super::super) fn start(_: usize) -> io::Result<Workers> {
            Err(io::Error::new(io::ErrorKind::Unsupported, "built without the feature `threads`"))
        }

        pub(in super::super) fn number(&self) -> usize {
            match *self {}
        }

        pub(in super::super) fn call(&self, _: impl Fn(usize) + Send + Sync + 'static) {
            match *self {}
        }
    }

    /// One member is all that a pool can have.
    pub(in super::super) fn cores() -> usize {
        1
    }
}
