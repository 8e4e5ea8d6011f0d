//! What a key is called beyond this process: the same in every instance.
//!
//! The local keys are hashes under a secret of the process. Between processes there is no such secret, so
//! that a key goes by what its `Hash` writes, as text: of a string its characters, of a number its digits,
//! of more than one thing all of them with a comma between. What could be mistaken for something else is
//! percent-encoded, so that two values of one type never have one name.

use std::fmt::Write as _;
use std::hash::{Hash, Hasher};

/// The name of a key; empty for one that writes nothing.
pub(crate) fn name_of(key: &(impl Hash + ?Sized)) -> String {
    let mut writer = Writer(String::new());
    key.hash(&mut writer);
    let mut name = writer.0;
    if name.ends_with(',') {
        name.pop();
    }
    name
}

/// Writes down what is hashed.
struct Writer(String);

/// What ends a string in its hash, and can stand in none.
const END_OF_TEXT: u8 = 0xff;

macro_rules! digits {
    ($($write:ident: $number:ty),+) => {
        $(fn $write(&mut self, number: $number) {
            let _ = write!(self.0, "{number},"); // writing to a string cannot fail
        })+
    };
}

impl Hasher for Writer {
    fn finish(&self) -> u64 {
        0 // nobody asks
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(byte.into());
            } else {
                let _ = write!(self.0, "%{byte:02X}");
            }
        }
    }

    fn write_u8(&mut self, number: u8) {
        match number {
            END_OF_TEXT => self.0.push(','),
            number => {
                let _ = write!(self.0, "{number},");
            }
        }
    }

    digits!(write_u16: u16, write_u32: u32, write_u64: u64, write_u128: u128, write_usize: usize,
        write_i8: i8, write_i16: i16, write_i32: i32, write_i64: i64, write_i128: i128, write_isize: isize);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn text_and_numbers_read_as_they_are() {
        assert_eq!(name_of("user-7"), "user-7");
        assert_eq!(name_of(&"user-7".to_owned()), "user-7");
        assert_eq!(name_of(&42_u64), "42");
        assert_eq!(name_of(&-7_i32), "-7");
        assert_eq!(name_of(&("acme", 7)), "acme,7");
        assert_eq!(name_of(&'ä'), "228");
    }

    #[test]
    fn what_could_leave_its_place_is_encoded() {
        assert_eq!(name_of("a}b:c,d e%"), "a%7Db%3Ac%2Cd%20e%25");
        assert_eq!(name_of("ä"), "%C3%A4");
        assert_eq!(name_of(""), "");
    }

    #[test]
    fn two_values_of_a_type_never_have_one_name() {
        let texts = ["", ",", "a", "a,", ",a", "a,b", "b", "%2C", "0", "255"];
        let pairs = texts
            .iter()
            .flat_map(|one| texts.iter().map(move |other| (one, other)));
        let names: HashSet<_> = pairs.map(|pair| name_of(&pair)).collect();
        assert_eq!(names.len(), texts.len() * texts.len());
        let bytes: HashSet<_> = (0..=255_u8)
            .flat_map(|a| [vec![a], vec![a, 255], vec![255, a]])
            .collect();
        let names: HashSet<_> = bytes.iter().map(name_of).collect();
        assert_eq!(names.len(), bytes.len());
        let options = [None, Some(""), Some("0"), Some("1")];
        let names: HashSet<_> = options.iter().map(name_of).collect();
        assert_eq!(names.len(), options.len());
    }

    #[test]
    fn an_address_has_the_same_name_everywhere() {
        let ip: std::net::IpAddr = [203, 0, 113, 7].into();
        assert_eq!(name_of(&ip), name_of(&ip.clone()));
        assert_ne!(
            name_of(&ip),
            name_of(&std::net::IpAddr::from([203, 0, 113, 8]))
        );
    }
}
