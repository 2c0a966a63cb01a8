//! Memory that does not go to swap.

/// Keeps the pages of a value out of swap, where the system lets us; what it points to is not meant.
pub fn lock<T: ?Sized>(value: &T) {
    let start = std::ptr::from_ref(value).cast_mut().cast();
    // SAFETY: locking pages changes no byte of them, and the range is that of a living value.
    if let Err(why) = unsafe { rustix::mm::mlock(start, std::mem::size_of_val(value)) } {
        LOCKED.call_once(|| eprintln!("orchestrate: secrets may reach swap: they cannot be locked in memory: {why}"));
    }
}

static LOCKED: std::sync::Once = std::sync::Once::new();
