//! Structures of options whose first field is their size: a program and a library of different versions agree on what
//! both know.

use crate::boundary::Result;
use crate::status::Failure;

/// No version will have options larger than this; a larger size was never set.
const SIZE_MAX: usize = 4096;

/// A structure of options as C lays it out.
///
/// # Safety
/// `repr(C)` without padding, `size: usize` first, and any bytes that a C program may store are a valid value.
pub(crate) unsafe trait Options: Sized {
    /// The size in the first version that had it.
    const FIRST: usize;

    /// What stands where the caller says nothing.
    fn defaults() -> Self;
}

/// Reads options. Fields that the caller's version does not have keep their defaults; fields that only the caller's
/// version has must be zero, since what they ask for cannot be done.
///
/// # Safety
/// `options` is null or points to a `size_t` and as many bytes as that says, counted from itself.
pub(crate) unsafe fn read<T: Options>(options: *const T) -> Result<T> {
    let mut known = T::defaults();
    if options.is_null() {
        return Ok(known);
    }
    // SAFETY: not null; the size stands first, as the caller promises.
    let size = unsafe { options.cast::<usize>().read() };
    if !(T::FIRST..=SIZE_MAX).contains(&size) {
        let message = format!("options.size is {size}: set the options with their _INIT macro");
        return Err(Failure::misuse(message));
    }
    // SAFETY: the caller promises `size` readable bytes.
    let given = unsafe { std::slice::from_raw_parts(options.cast::<u8>(), size) };
    let (common, further) = given.split_at(size.min(size_of::<T>()));
    if further.iter().any(|&byte| byte != 0) {
        return Err(Failure::misuse(
            "options have a field that this version of the library does not know".into(),
        ));
    }
    // SAFETY: `common` is no longer than `T`, the two do not overlap, and any bytes are a valid `T` by its trait.
    unsafe { std::ptr::copy_nonoverlapping(common.as_ptr(), (&raw mut known).cast::<u8>(), common.len()) };
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::TILLROLL_MISUSE;

    #[repr(C)]
    #[derive(Debug, PartialEq, Clone, Copy)]
    struct Twice {
        size: usize,
        old: u64,
        new: u64,
    }

    // SAFETY: three words without padding, each of which may be anything.
    unsafe impl Options for Twice {
        const FIRST: usize = 16;

        fn defaults() -> Self {
            Self { size: size_of::<Self>(), old: 1, new: 2 }
        }
    }

    fn read_words(words: &[u64]) -> Result<Twice> {
        // SAFETY: the words are as many as the first of them says, or it is refused.
        unsafe { read(words.as_ptr().cast::<Twice>()) }
    }

    #[test]
    fn null_is_the_defaults() {
        // SAFETY: null is allowed.
        assert_eq!(unsafe { read(std::ptr::null::<Twice>()) }.unwrap(), Twice::defaults());
    }

    #[test]
    fn versions_agree_on_what_both_know() {
        assert_eq!(read_words(&[24, 7, 8]).unwrap(), Twice { size: 24, old: 7, new: 8 });
        assert_eq!(read_words(&[16, 7]).unwrap(), Twice { size: 16, old: 7, new: 2 });
        assert_eq!(read_words(&[32, 7, 8, 0]).unwrap(), Twice { size: 32, old: 7, new: 8 });
        for words in [&[32, 7, 8, 1][..], &[0, 7, 8], &[15, 7], &[5000, 7, 8]] {
            assert_eq!(read_words(words).unwrap_err().code, TILLROLL_MISUSE, "{words:?}");
        }
    }
}
