//! Reading decimal numbers. The standard library's way brings 15 kB of tables and code into a program, for
//! more digits than anybody writes here.

/// Reads a number such as `0.5`, `12` or `1e3`: exact to 15 digits, beyond that to the last but one.
///
/// ```
/// assert_eq!(steadfast_options::decimal("0.25"), Some(0.25));
/// assert_eq!(steadfast_options::decimal("1.2.3"), None);
/// ```
#[must_use]
pub fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse().ok()?),
        None => (unsigned, 0),
    };
    let magnitude = shifted(digits, exponent)?;
    Some(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

/// Digits with at most one point, times a power of ten.
fn shifted(digits: &str, mut exponent: i32) -> Option<f64> {
    const MOST: u64 = 1_000_000_000_000_000_000; // another digit fits still
    let (mut whole, mut any, mut after_point) = (0, false, false);
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' if whole < MOST => {
                whole = whole * 10 + u64::from(byte - b'0');
                exponent = exponent.saturating_sub(i32::from(after_point));
                any = true;
            }
            b'0'..=b'9' => exponent = exponent.saturating_add(i32::from(!after_point)),
            b'.' if !after_point => after_point = true,
            _ => return None,
        }
    }
    // Powers of ten up to the 22nd are exact, and so is one division or multiplication by them.
    let power = 10_f64.powi(exponent.saturating_abs());
    match whole {
        _ if !any => None,
        0 => Some(0.0),
        _ if exponent < 0 => Some(whole as f64 / power),
        _ => Some(whole as f64 * power),
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn it_reads_what_the_standard_library_reads() {
        let mut texts: Vec<String> = (0..2000_u64)
            .map(|n| format!("{}.{:03}", n % 7, n * 37 % 1000))
            .collect();
        let more = [
            "0",
            "-0",
            "00.50",
            ".5",
            "5.",
            "+2",
            "-2.5",
            "1e3",
            "1E-3",
            "2.5e+2",
            "123456789.012345",
            "999999999999999",
            "0.000001",
            "1e22",
            "1e400",
            "0e400",
        ];
        texts.extend(more.map(String::from));
        for text in texts {
            assert_eq!(decimal(&text), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn more_digits_are_near_enough() {
        for text in [
            "3.14159265358979323846264338",
            "12345678901234567890123",
            "1e-30",
        ] {
            let (read, exact) = (decimal(text).unwrap(), text.parse::<f64>().unwrap());
            assert!((read - exact).abs() <= exact * 1e-15, "{text}: {read}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "", ".", "-", "e5", "1e", "1.2.3", "1 2", "0x1", "--1", "five", "1e5.0",
        ] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }
}
