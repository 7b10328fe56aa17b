//! The one place where decoders of other authors run.
//!
//! Pictures, films and sound come from anywhere, and decoders have faults that a file made for the purpose finds: a
//! palette whose length is no multiple of three, for instance, makes the png crate panic
//! (image-png issue 694). Whatever reads a foreign file therefore runs in here, where a panic is an error of
//! that file. Memory and time are the business of the readers: they check what a header declares before
//! anything is allocated for it.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

#[cfg(not(panic = "unwind"))]
compile_error!("decoders may panic, so panics must unwind: do not set `panic = \"abort\"`");

thread_local! {
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder. If it panics, this returns what the panic said, and nothing is printed. What the decoder
/// has left must not be used again.
pub fn contained<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    keep_quiet();
    let outer = IS_CONTAINED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(decode));
    IS_CONTAINED.set(outer);
    result.map_err(|panic| format!("its decoder failed: {}", message_of(&*panic)))
}

/// Keeps the messages of contained panics from standard error. Those of all others appear as before.
fn keep_quiet() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_CONTAINED.get() {
                before(panic);
            }
        }));
    });
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it did not say why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let at = std::hint::black_box(7);
        let failed = contained(|| [1, 2, 3][at]).unwrap_err();
        assert!(failed.contains("index out of bounds"), "{failed}");
        assert_eq!(contained(|| contained(|| at).unwrap()), Ok(7));
        assert!(!IS_CONTAINED.get());
    }
}
