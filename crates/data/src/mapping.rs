//! A part of a file, mapped into memory.

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// The bytes of a part of a file.
#[derive(Debug)]
pub(crate) struct Mapping(Mmap);

impl Mapping {
    /// Maps `len` bytes of the file, from `offset` on. The part has been checked to lie inside the file.
    pub(crate) fn new(file: &File, offset: u64, len: usize) -> io::Result<Mapping> {
        // SAFETY: the mapping is read-only and private to this value, and its range was
        // checked to lie inside the file. Another process may still change the file in place.
        // That cannot be excluded from here and is documented at `IdxFile::map`. The mapping is only ever
        // read as bytes, for which every value is valid, and no length or index is taken from
        // it. So a change can make results wrong, but no access goes out of bounds.
        #[expect(unsafe_code, reason = "mapping a file cannot be expressed safely")]
        let map = unsafe { MmapOptions::new().offset(offset).len(len).map(file) }?;
        // The advice to map the file in huge pages. An epoch touches every page in random order, and huge pages save looking
        // up thousands of small ones. Linux can use them if the page cache holds the file in pieces so large. It does if a
        // cold file is read through a mapping with this advice, or was written in large pieces. The advice is only a hint, so
        // a refusal changes nothing.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Mapping(map))
    }

    /// The bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
