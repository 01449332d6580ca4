//! Money as the tests know it: integers at 10⁻⁶.

/// One whole unit of a currency.
pub const UNIT: i64 = 1_000_000;

/// Writes `micros` with as many decimals as it needs, and at least `decimals_min` (at most 6).
pub fn write(out: &mut Vec<u8>, micros: i64, decimals_min: usize) {
    if micros < 0 {
        out.push(b'-');
    }
    let magnitude = micros.unsigned_abs();
    write_integer(out, magnitude / UNIT as u64);
    let mut fraction = magnitude % UNIT as u64;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    let needed = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
    let len = needed.max(decimals_min);
    if len > 0 {
        out.push(b'.');
        out.extend_from_slice(&digits[..len]);
    }
}

/// Writes a plain integer.
pub fn write_integer(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break out.extend_from_slice(&digits[start..]);
        }
    }
}

/// The text of `micros` with at least two decimals.
pub fn text(micros: i64) -> String {
    let mut out = Vec::new();
    write(&mut out, micros, 2);
    String::from_utf8(out).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_is_needed_and_no_less_than_asked() {
        let written = |micros, decimals| {
            let mut out = Vec::new();
            write(&mut out, micros, decimals);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(0, 0), "0");
        assert_eq!(written(0, 2), "0.00");
        assert_eq!(written(690_000, 2), "0.69");
        assert_eq!(written(693_000, 2), "0.693");
        assert_eq!(written(-1, 2), "-0.000001");
        assert_eq!(written(-120_000_000, 0), "-120");
        assert_eq!(written(i64::MIN, 2), "-9223372036854.775808");
    }
}
