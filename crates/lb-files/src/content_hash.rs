//! The hash of a file's content.

use std::io::{self, Read};
use std::ops::ControlFlow;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of everything that is left to read. After every mebibyte `progress` is called with the
/// bytes read so far; the result is `Break` if it returns that.
///
/// # Errors
/// Those of reading.
pub fn content_hash(
    file: &mut impl Read,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> io::Result<ControlFlow<(), [u8; 32]>> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(ControlFlow::Continue(hash.finalize().into())),
            Ok(read) => {
                hash.update(&block[..read]);
                done += read as u64;
                if progress(done).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
