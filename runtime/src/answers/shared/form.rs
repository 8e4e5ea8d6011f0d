//! How an answer becomes JSON, and comes back.

use std::any::Any;
use std::io::{self, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answers::Erased;
use crate::shared::answers::LARGEST;

/// A value that can be kept in Redis.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be kept in Redis: that needs `serde::Serialize` and `serde::Deserialize`",
    label = "answers are kept in Redis as JSON",
    note = "derive `Serialize` and `Deserialize` for it, or leave `store` out"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Storable for T {}

/// How an answer of this type is written, read and weighed. Nothing else here knows that it can be.
pub struct Form<T> {
    pub(super) encode: fn(&Erased) -> Result<Vec<u8>, String>,
    pub(super) decode: fn(&[u8]) -> Result<T, String>,
    pub(super) weigh: fn(&T) -> u32,
}

impl<T> Clone for Form<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Form<T> {}

/// The form of answers of this type.
#[must_use]
pub fn form<T: Storable + 'static>() -> Form<T> {
    Form {
        encode: encode::<T>,
        decode: |data| serde_json::from_slice(data).map_err(|error| error.to_string()),
        weigh: |_| 1,
    }
}

impl<T> Form<T> {
    /// What an answer weighs in memory.
    #[must_use]
    pub fn weighing(self, weigh: fn(&T) -> u32) -> Self {
        Self { weigh, ..self }
    }
}

fn encode<T: Serialize + 'static>(answer: &Erased) -> Result<Vec<u8>, String> {
    let Some(value) = (answer as &dyn Any).downcast_ref::<T>() else {
        unreachable!("an answer is of its form's type");
    };
    let mut data = Bounded(Vec::new());
    match serde_json::to_writer(&mut data, value) {
        Ok(()) => Ok(data.0),
        Err(error) if error.is_io() => Err(format!("it is larger than {LARGEST} bytes as JSON")),
        Err(error) => Err(error.to_string()),
    }
}

/// Bytes, as long as they are not too many: of a huge answer no more is made.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_be_a_mebibyte_and_not_a_byte_more() {
        let encode = form::<String>().encode;
        let of = |length| encode(&"x".repeat(length));
        assert_eq!(of(LARGEST - 2).unwrap().len(), LARGEST);
        assert_eq!(
            of(LARGEST - 1).unwrap_err(),
            "it is larger than 1048576 bytes as JSON"
        );
    }

    #[test]
    fn what_json_can_not_hold_is_an_error() {
        let map = std::collections::HashMap::from([((1_u8, 2_u8), 3_u8)]);
        assert!((form::<std::collections::HashMap<(u8, u8), u8>>().encode)(&map).is_err());
        assert!((form::<u8>().decode)(b"300").is_err());
    }
}
